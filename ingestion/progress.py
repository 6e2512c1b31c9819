"""What the pipeline reports while it loads a file, and where it can be stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


class Progress:
    """Shows nothing and never stops a run. A command or a page overrides what it needs."""

    def start_file(self, path: Path, size: int) -> None:
        """The pipeline has opened a file of `size` bytes."""

    def start_moving(self, count: int) -> None:
        """A split starts to move so many bars."""

    def advance_to(self, position: int) -> None:
        """The bars up to this byte of the file have been sent to the database; or so many bars have moved."""

    def count_rows(self, count: int) -> None:
        """So many rows of the file have been read; or an undo writes so many bars."""

    def step(self, name: str) -> None:
        """The next step of the pipeline starts."""

    def wait_for(self, holder: str) -> None:
        """The running statement waits for a lock that `holder` has, a run or session. Another thread calls this."""

    def end_file(self) -> None:
        """The file is loaded, skipped or refused."""

    def raise_if_cancelled(self) -> None:
        """Raise `Interrupted` to stop the run. The pipeline calls this between batches, between steps and after a
        database error."""


def count_up(progress: Progress) -> Callable[[int], None]:
    """A function to call with the number of rows since the last call. It reports their sum, and may stop the work."""
    done = 0

    def advance(rows: int) -> None:
        nonlocal done
        done += rows
        progress.count_rows(done)
        progress.raise_if_cancelled()

    return advance
