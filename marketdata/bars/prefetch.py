"""Reads the next block of an export while the one before is used."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from django.db import close_old_connections, connections
from django.db.backends.utils import CursorWrapper

# Reads a block with the cursor that it gets.
Read = Callable[[CursorWrapper], Any]
# Starts a read in another thread.
Submit = Callable[[Read], "Future[Any]"]

_shared: Executor | None = None


def share_prefetching(executor: Executor | None) -> None:
    """Let the threads of `executor` read for all exports of this process, each thread with its own connection.

    None ends that.

    A web server whose clients are slow needs this: otherwise each open export has a thread and uses the connection of
    the thread that requested its first block.
    """
    global _shared
    _shared = executor


@contextlib.contextmanager
def open_prefetch() -> Iterator[Submit]:
    """Yields a function that starts a read in another thread."""
    if shared := _shared:
        yield lambda read: shared.submit(_read_alone, read)
        return
    with connections["default"].cursor() as cursor, ThreadPoolExecutor(1) as executor:
        yield lambda read: executor.submit(read, cursor)


def iterate_prefetched(blocks: Iterator[Any], submit: Submit) -> Iterator[Any]:
    """The blocks, each of which is made in another thread while the one before is used."""

    def read_next(cursor: CursorWrapper) -> Any:
        return next(blocks, None)

    future = submit(read_next)
    while (block := future.result()) is not None:
        future = submit(read_next)
        yield block


def _read_alone(read: Read) -> Any:
    try:
        with connections["default"].cursor() as cursor:
            return read(cursor)
    finally:
        close_old_connections()
