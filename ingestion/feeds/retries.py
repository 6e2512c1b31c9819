"""Repeats what failed for now, a few times and with growing pauses. For requests of which nothing had arrived."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from ingestion.feeds.errors import TryAgain
from ingestion.progress import Progress

MAX_TRIES = 5
FIRST_PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 120.0  # what asks for a longer wait is for the next run
_MAX_SECONDS = 400.0  # of all tries: a server that answers nothing is not waited for five times
_STEP_SECONDS = 0.2

T = TypeVar("T")


def repeat(call: Callable[[], T], progress: Progress) -> T:
    """The result of the call, which is repeated while it raises `TryAgain`: at most `MAX_TRIES` tries."""
    started = time.monotonic()
    for number in range(1, MAX_TRIES):
        try:
            return call()
        except TryAgain as error:
            if time.monotonic() - started > _MAX_SECONDS or not pause(error, number, progress):
                raise
    return call()


def pause(error: TryAgain, number: int, progress: Progress) -> bool:
    """Wait before the next try: as long as the vendor asks, or longer after each failed try.

    False, without a wait, if the vendor asks for more than `MAX_PAUSE_SECONDS`. Raises what `progress` raises when the
    run is cancelled.
    """
    if error.after is not None and error.after > MAX_PAUSE_SECONDS:
        return False
    # Programs that failed together must not return together.
    own = FIRST_PAUSE_SECONDS * 2 ** (number - 1) * random.uniform(0.75, 1.25)
    sleep(max(own, error.after or 0), progress)
    return True


def sleep(seconds: float, progress: Progress) -> None:
    """Wait, unless the run is cancelled meanwhile."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        progress.raise_if_cancelled()
        time.sleep(min(left, _STEP_SECONDS))
    progress.raise_if_cancelled()
