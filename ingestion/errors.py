"""What can go wrong on the way in. Every message is one sentence or two for a person: what, where, what to do."""


class IngestError(Exception):
    """The file was not taken, and the table is as it was before."""


class InputError(IngestError):
    """What was asked for cannot be done: a path, an option, a symbol that makes no sense."""


class UnreadableFile(IngestError):
    """The bytes cannot be had, or they are not a whole DBN file."""


class WrongContent(IngestError):
    """A whole DBN file, but not one of minute bars."""


class InvalidBars(IngestError):
    """Minute bars that cannot be true."""


class MixedInstruments(IngestError):
    """Taking the file would put several contracts, or an unknown one, under one symbol."""


class DatabaseFailure(IngestError):
    """The database could not do its part: not there, not migrated, gone half-way. May be tried again unchanged."""


class DatabaseUnavailable(DatabaseFailure):
    """The database cannot be used at all, whatever the file: there is no sense in trying the next one."""


class Interrupted(IngestError):
    """Somebody stopped the run: Ctrl-C or SIGTERM. May be tried again unchanged."""

    def __init__(self, signal_number: int) -> None:
        super().__init__("interrupted: nothing of this file was stored; run the same command again to load it")
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number

    def __reduce__(self) -> tuple:
        return type(self), (self.signal_number,)  # as another process has to rebuild it


class ProcessDied(IngestError):
    """One of several processes that take files was killed, or failed. What it was at is closed by the next start."""

    def __init__(self, path: object, exit_code: int) -> None:
        how = f"killed by signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
        super().__init__(
            f"The process that took {path} died ({how}), so it is not known whether the file was stored: run the "
            "command again; what is stored already will be left alone."
        )


class UndoInterrupted(Interrupted):
    """The same of an undo."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.args = ("interrupted: nothing was changed; run the same command again to undo the run",)
