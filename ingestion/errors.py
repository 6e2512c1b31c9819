"""The errors of ingestion. Every message is one or two sentences for the user: what, where, what to do."""


class IngestError(Exception):
    """The file was not loaded, and the table is unchanged."""


class InputError(IngestError):
    """A path, option or symbol that cannot be used."""


class UnreadableFile(IngestError):
    """The file cannot be read, or it is not a complete DBN file."""


class WrongContent(IngestError):
    """A complete DBN file of another schema than minute bars."""


class InvalidBars(IngestError):
    """Minute bars that break a rule of `validation`."""


class MixedInstruments(IngestError):
    """Loading the file would store several instruments, or an unknown one, under one symbol."""


class DatabaseFailure(IngestError):
    """The database failed, or is not ready: unreachable, not migrated, interrupted. The same command may succeed
    later."""


class DatabaseUnavailable(DatabaseFailure):
    """The database cannot be used for any file, so the next one is not tried."""


class Interrupted(IngestError):
    """Ctrl-C or SIGTERM stopped the run. The same command may be run again."""

    def __init__(self, signal_number: int) -> None:
        super().__init__("interrupted: nothing of this file was stored; run the same command again to load it")
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number

    def __reduce__(self) -> tuple:
        return type(self), (self.signal_number,)  # pickled for the parent process, it is built from its number


class ProcessDied(IngestError):
    """A worker process was killed, or failed. The next start closes its run."""

    def __init__(self, path: object, exit_code: int) -> None:
        how = f"killed by signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
        super().__init__(
            f"The process that loaded {path} died ({how}), so it is not known whether the file was stored: run the "
            "command again; bars already stored stay unchanged."
        )


class UndoInterrupted(Interrupted):
    """The same for an undo."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.args = ("interrupted: nothing was changed; run the same command again to undo the run",)
