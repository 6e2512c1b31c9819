"""The folder of the server's Unix socket. Everybody who can enter it is the database's superuser."""

import errno
import hashlib
import os
import socket
import stat
from pathlib import Path

from config.embedded.errors import EmbeddedPostgresError
from config.embedded.layout import Account, Place

PORT = 5432
FILE = f".s.PGSQL.{PORT}"
LONGEST = 103 - len(f"/{FILE}")  # a socket's whole path has at most 103 bytes on macOS, 107 on Linux

# Not TMPDIR: processes with different environments have to find the same folder.
TEMP = Path("/tmp")


def socket_dir(place: Place) -> Path:
    """The checked folder for the socket: `run` beside the data, or one in /tmp where that is too long."""
    folder = place.base / "run"
    # A comma separates hosts for libpq and folders for the server.
    if len(os.fsencode(folder)) > LONGEST or "," in str(folder):
        folder = TEMP / f"embedded-pg-{hashlib.sha256(os.fsencode(place.base)).hexdigest()[:16]}"
    try:
        folder.mkdir(mode=0o700)
        place.account.owns_new(folder)
    except FileExistsError:
        _check(folder, place.account)
    return folder


def answers(folder: Path) -> bool:
    """Whether a server listens there; costs microseconds, so that every new connection can ask."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        try:
            probe.connect(str(folder / FILE))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError as error:  # a listener that is only busy answers too
            if error.errno not in (errno.EAGAIN, errno.ETIMEDOUT, None):
                raise
    return True


def _check(folder: Path, account: Account) -> None:
    """Refuse a folder that somebody else could have put there, in /tmp above all."""
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
    if found.st_uid != account.uid:  # killed between making it and handing it over
        account.owns_new(folder)
