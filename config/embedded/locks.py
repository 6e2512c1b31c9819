"""Who uses the server, told by file locks: the kernel drops them however a process dies.

`start.lock` is held, alone, by whoever looks at the server in order to start or stop it.
`users.lock` is held, shared, by every process that uses the server.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, which place.py refuses with a sentence
    fcntl = None

_held: dict[Path, int] = {}
thread_lock = threading.RLock()


@contextmanager
def start_lock(home: Path) -> Iterator[None]:
    """One process at a time between here and the end of the block."""
    fd = _open(home / "start.lock")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        # Closing alone is not enough: a child forked meanwhile would keep the lock with its copy.
        fcntl.flock(fd, fcntl.LOCK_UN)
        os.close(fd)


def join(home: Path) -> bool:
    """Count this process among the users (call it under `start_lock`); False if it was one already."""
    if home in _held:
        return False
    fd = _open(home / "users.lock")
    fcntl.flock(fd, fcntl.LOCK_SH)
    _held[home] = fd
    return True


def is_member(home: Path) -> bool:
    """Whether this very process, not a parent of it, counts among the users."""
    return home in _held


def leave(home: Path) -> bool:
    """Stop being a user (call it under `start_lock`); True if there is no other."""
    os.close(_held.pop(home))
    return nobody_uses(home)


def nobody_uses(home: Path) -> bool:
    """Whether no process is a user (call it under `start_lock`)."""
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
    # Read-only is enough for flock, and lets one account lock the file that another one made.
    return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _forget_in_child() -> None:
    """A lock belongs to parent and child together after a fork, so a child has to take its own.

    Otherwise the parent, leaving, could not see that the child still uses the server.
    """
    global thread_lock
    thread_lock = threading.RLock()  # another thread of the parent may have held it
    while _held:
        os.close(_held.popitem()[1])


if fcntl:
    os.register_at_fork(after_in_child=_forget_in_child)
