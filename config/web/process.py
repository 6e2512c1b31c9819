"""What a web process may use: little memory, which goes back to the system, and many connections. How it ends."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import signal
import threading
from multiprocessing import connection, parent_process

# Numbers of glibc's mallopt(3).
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_THRESHOLD_BYTES = 128 * 1024


def limit_memory() -> None:
    """Call it before threads start and before numpy and pyarrow are imported. Without glibc it does less.

    By default glibc gives each thread memory of its own, and raises the size from which freed memory is returned at
    once. Arrow's own allocator keeps what it had at its peak, and OpenBLAS reserves memory for each core.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if mallopt := _find("mallopt"):
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _THRESHOLD_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _THRESHOLD_BYTES)


def allow_many_connections() -> None:
    """Raise the limit of open files to what the system permits: clients that send nothing need a file each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def stop_with_parent() -> None:
    """Stop as by SIGTERM when the process that started this one has ended, even by SIGKILL.

    uvicorn's workers would otherwise keep the port: the next server could not start, and clients would stay with this
    one.
    """
    parent = parent_process()
    if parent is None:
        return

    def wait() -> None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def release_memory() -> None:
    """Return freed memory to the system, as far as the C library can."""
    gc.collect()
    if trim := _find("malloc_trim"):
        trim(0)


def keep_imported() -> None:
    """Collections of garbage no longer visit what exists now, so they take milliseconds."""
    gc.collect()
    gc.freeze()


def _find(name: str) -> ctypes._NamedFuncPointer | None:
    try:
        return ctypes.CDLL(None)[name]
    except (AttributeError, OSError, TypeError):
        return None
