"""The folder of the server's Unix socket. An account that can enter it can log in as the database superuser."""

import errno
import hashlib
import os
import socket
import stat
from pathlib import Path

from config.embedded.errors import EmbeddedPostgresError
from config.embedded.layout import Account, ServerLayout

PORT = 5432
FILE = f".s.PGSQL.{PORT}"
MAX_FOLDER_BYTES = 103 - len(f"/{FILE}")  # a socket's path has at most 103 bytes on macOS, 107 on Linux

# Not TMPDIR: processes with different environments must find the same folder.
TEMP = Path("/tmp")


def find_socket_folder(layout: ServerLayout) -> Path:
    """Create or check the folder of the socket: `run` next to the data, or one in /tmp if that path is too long.

    Raises `EmbeddedPostgresError` if other accounts can write to it."""
    folder = layout.base / "run"
    # libpq splits hosts at a comma, and the server splits folders.
    if len(os.fsencode(folder)) > MAX_FOLDER_BYTES or "," in str(folder):
        folder = TEMP / f"embedded-pg-{hashlib.sha256(os.fsencode(layout.base)).hexdigest()[:16]}"
    try:
        folder.mkdir(mode=0o700)
        layout.account.give_ownership(folder)
    except FileExistsError:
        _check(folder, layout.account)
    return folder


def is_listening(folder: Path) -> bool:
    """Whether a server listens there. It costs microseconds, so every new connection can call it."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        try:
            probe.connect(str(folder / FILE))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError as error:  # a busy listener is a listener
            if error.errno not in (errno.EAGAIN, errno.ETIMEDOUT, None):
                raise
    return True


def _check(folder: Path, account: Account) -> None:
    """Refuse a folder that another account may have created, which is possible in /tmp."""
    found = folder.lstat()
    fault = None
    if not stat.S_ISDIR(found.st_mode):
        fault = "is not a real folder"
    elif found.st_uid not in (account.uid, os.geteuid()):
        fault = f"belongs to another account (uid {found.st_uid})"
    elif found.st_mode & 0o077:
        fault = f"is open to other accounts (mode {stat.S_IMODE(found.st_mode):04o})"
    if fault:
        raise EmbeddedPostgresError(
            f"The socket folder {folder} {fault}, so it is not safe to use: remove it and try again."
        )
    if found.st_uid != account.uid:  # a process was killed between mkdir and chown
        account.give_ownership(folder)
