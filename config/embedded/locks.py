"""File locks that show which processes use the server. The kernel releases them when a process ends in any way.

A process that starts or stops the server has an exclusive lock on `start.lock`.
Every process that uses the server has a shared lock on `users.lock`.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, which layout.find_wheel refuses
    fcntl = None  # type: ignore[assignment]  # mypy has no type for a module that may be missing

_user_locks: dict[Path, int] = {}
thread_lock = threading.RLock()


@contextmanager
def start_lock(home: Path) -> Iterator[None]:
    """Run the block in one process at a time."""
    fd = _open(home / "start.lock")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        # Closing is not enough: a child forked meanwhile would keep the lock with its copy of the descriptor.
        fcntl.flock(fd, fcntl.LOCK_UN)
        os.close(fd)


def join(home: Path) -> bool:
    """Register this process as a user; False if it already is one. Call it under `start_lock`."""
    if home in _user_locks:
        return False
    fd = _open(home / "users.lock")
    fcntl.flock(fd, fcntl.LOCK_SH)
    _user_locks[home] = fd
    return True


def is_member(home: Path) -> bool:
    """Whether this process is a user. A parent's membership does not count."""
    return home in _user_locks


def leave(home: Path) -> bool:
    """Stop being a user; True if no other process is one. Call it under `start_lock`."""
    os.close(_user_locks.pop(home))
    return is_unused(home)


def is_unused(home: Path) -> bool:
    """Whether no process is a user. Call it under `start_lock`."""
    fd = _open(home / "users.lock")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(fd)


def _open(path: Path) -> int:
    # flock works on a read-only file, so one account can lock the file that another one created.
    return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _forget_in_child() -> None:
    """Drop the inherited locks in a forked child, which registers itself when it uses the server.

    Parent and child share a lock after a fork. At its exit the parent could not see that the child uses the server.
    """
    global thread_lock
    thread_lock = threading.RLock()  # another thread of the parent may have locked it
    while _user_locks:
        os.close(_user_locks.popitem()[1])


if fcntl:
    os.register_at_fork(after_in_child=_forget_in_child)
