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


class DatabaseTrouble(IngestError):
    """The database could not do its part: not there, not migrated, gone half-way. May be tried again unchanged."""


class DatabaseUnavailable(DatabaseTrouble):
    """The database cannot be used at all, whatever the file: there is no sense in trying the next one."""


class Interrupted(IngestError):
    """Somebody stopped the run: Ctrl-C or SIGTERM. May be tried again unchanged."""

    def __init__(self, signal_number: int) -> None:
        super().__init__("interrupted: nothing of this file was stored; run the same command again to load it")
        self.exit_code = 128 + signal_number


class UndoInterrupted(Interrupted):
    """The same of an undo."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.args = ("interrupted: nothing was changed; run the same command again to take the run back",)
