"""Opens files so that none can block or exhaust the process: regular files only, small ones up to a limit."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


class NotRegularFile(OSError):
    """A folder, a named pipe, a socket or a device, which are not opened or read."""


def open_regular(path: Path) -> int:
    """Open a regular file for reading and return its descriptor.

    Raises `NotRegularFile` for anything else, and `OSError`; also for a path with a NUL, which Python refuses itself.
    """
    try:
        # Non-blocking: opening a named pipe without a writer would wait for one.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError as error:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path)) from error
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise NotRegularFile(error.errno, "not a regular file", str(path)) from error
        raise
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
    reason = os.strerror(number) if stat.S_ISDIR(mode) else "not a regular file"
    raise NotRegularFile(number, reason, str(path))


def read_small(path: Path, limit: int) -> bytes:
    """The content of a regular file of at most `limit` bytes.

    Raises `OSError` with `EFBIG` for a larger one, and as `open_regular` does.
    """
    with os.fdopen(open_regular(path), "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit >> 20} MB", str(path))
    return content
