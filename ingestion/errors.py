"""The errors of ingestion. Every message is one or two sentences for the user: what, where, what to do."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from marketdata.formatting import escape_controls

logger = logging.getLogger(__name__)

_MAX_REASON = 300  # characters


class IngestError(Exception):
    """The file was not loaded, and the table is unchanged.

    `path`, `row` (from 1) and `symbol` are where the fault is, None where it is not in one file, row or series. The
    symbol is that of the series if the row has one; the message has it in printable characters.
    """

    def __init__(
        self, message: str, *, path: Path | None = None, row: int | None = None, symbol: str | None = None
    ) -> None:
        super().__init__(message)
        self.path, self.row, self.symbol = path, row, symbol

    def __reduce__(self) -> tuple:
        # A worker process sends its errors to its parent. Exception's own method would call the class with the message.
        return _restore_error, (type(self), self.args, self.__dict__)


def _restore_error(kind: type[IngestError], args: tuple, fields: dict[str, object]) -> IngestError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


class RetryableError(IngestError):
    """The same command may succeed later, without a change to the file or the options."""


class InputError(IngestError):
    """A path, option or symbol that cannot be used."""


class UnreadableFile(IngestError):
    """The file cannot be read, or it is not a complete DBN file."""


class UnfinishedFile(UnreadableFile, RetryableError):
    """Another program wrote the file while it was read: a download that is not complete yet."""


class WrongContent(IngestError):
    """A complete DBN file of another schema than minute bars."""


class InvalidBars(IngestError):
    """Minute bars that break a rule of `validation`."""


class MixedInstruments(IngestError):
    """Loading the file would store several instruments, or an unknown one, under one symbol."""


class UnexpectedError(IngestError):
    """Reading or storing the file raised an error that no rule foresees: damage of a new kind, or a fault of this
    program."""

    def __init__(self, path: Path, error: BaseException) -> None:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:_MAX_REASON].rstrip(".: ")
        super().__init__(
            f"{path} could not be loaded, because the program failed on it ({escape_controls(reason)}): "
            "download the file again, and report this message if it comes back.",
            path=path,
        )


class DatabaseFailure(RetryableError):
    """The database failed, or is not ready: unreachable, not migrated, interrupted."""


class DatabaseUnavailable(DatabaseFailure):
    """The database cannot be used for any file, so the next one is not tried."""


class Interrupted(RetryableError):
    """Ctrl-C or SIGTERM stopped the run."""

    def __init__(self, signal_number: int) -> None:
        super().__init__("interrupted: nothing of this file was stored; run the same command again to load it")
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number


class RunCancelled(RetryableError):
    """A user cancelled the run on a page. `kind` is that of the run."""

    def __init__(self, user: str, kind: str = "file") -> None:
        outcome = "nothing of this file was stored" if kind in _LOADS else "nothing was changed"
        super().__init__(f"Cancelled by {user}: {outcome}. Try it again to {_VERBS.get(kind, 'load the file')}.")
        self.user = user


_LOADS = ("file", "history", "live")
_VERBS = {"undo": "undo the run", "split": "split the series"}


class ProcessDied(RetryableError):
    """A worker process was killed, or failed. The next start closes its run."""

    def __init__(self, path: Path, exit_code: int) -> None:
        how = f"killed by signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
        super().__init__(
            f"The process that loaded {path} died ({how}), so it is not known whether the file was stored: run the "
            "command again; bars already stored stay unchanged.",
            path=path,
        )


class UndoInterrupted(Interrupted):
    """The same for an undo."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.args = ("interrupted: nothing was changed; run the same command again to undo the run",)


class SplitInterrupted(Interrupted):
    """The same for a split."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.args = ("interrupted: nothing was changed; run the same command again to split the series",)


class PartitioningInterrupted(Interrupted):
    """The same for `partition_bars`, whose copies stay."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.args = (
            "interrupted: the table of bars is as before; run the same command again to go on, or with --abandon to "
            "remove the copies",
        )


def is_failure(error: BaseException) -> bool:
    """Whether the error is about the work, not a request to stop the process.

    The vendor's decoder is written in Rust. Its panic derives from BaseException, as KeyboardInterrupt does, and can
    only be recognised by its module.
    """
    return isinstance(error, Exception) or type(error).__module__ == "pyo3_runtime"


@contextlib.contextmanager
def refuse_failures(path: Path) -> Iterator[None]:
    """Raise whatever the block raises as an `IngestError` about the file `path`: another file may load."""
    try:
        yield
    except IngestError:
        raise
    except BaseException as error:
        if not is_failure(error):
            raise
        logger.info("%s: unexpected error", path, exc_info=error)
        raise UnexpectedError(path, error) from error
