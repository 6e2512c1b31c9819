"""Where the lake and the result are: a folder that all executors see, or an address such as s3a://bucket/lake."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from spark_jobs.errors import JobError

_ADDRESS = re.compile(r"(?i)([a-z][a-z0-9+.-]*)://.+")
_GLOB = re.compile(r"([\\{}\[\]*?,^])")


@dataclass(frozen=True)
class Location:
    """`name`: as the user wrote it. `folder` is None for an address."""

    name: str
    uri: str
    folder: Path | None

    def join(self, path: str) -> str:
        """The URI of a path below it, for Spark's readers, to which `*` and brackets are patterns."""
        return _GLOB.sub(r"\\\1", f"{self.uri}/{path}")


def parse_location(text: str) -> Location:
    """Raises `JobError` for a name that is neither."""
    if "\0" in text or not text.strip():
        raise JobError("A folder is needed, or an address such as s3a://bucket/lake.")
    if found := _ADDRESS.fullmatch(text):
        if found[1].lower() != "file":
            return Location(text, text.rstrip("/"), None)
        text = text[len("file://") :]
    try:
        folder = Path(text).expanduser().absolute()
        folder.exists()
    except (OSError, RuntimeError) as error:  # a name that is too long, an unknown user
        reason = getattr(error, "strerror", "") or str(error).rstrip(".")
        raise JobError(f"{text} cannot be read ({reason}): choose another folder.") from error
    return Location(text, f"file:{os.path.normpath(folder)}", Path(os.path.normpath(folder)))


def require_new(to: Location, lake: Location) -> None:
    """Raise `JobError` unless the result can be a new folder outside the lake. Spark itself checks addresses."""
    if to.uri == lake.uri or to.uri.startswith(f"{lake.uri}/"):
        raise JobError(f"{to.name} is in the lake, whose Parquet files are exactly the bars: choose another folder.")
    if to.folder is None:
        return
    if to.folder.is_symlink() or to.folder.exists():
        if to.folder.is_dir() and not (to.folder / "_SUCCESS").exists() and (to.folder / "_temporary").exists():
            raise JobError(f"{to.name} has the remains of a job that was killed: remove it, or choose another folder.")
        raise JobError(f"{to.name} exists already: remove it, or choose another folder.")
    parent = next(one for one in to.folder.parents if one.exists())
    if not parent.is_dir():
        raise JobError(f"{parent} is a file: choose another folder than {to.name}.")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise JobError(f"{to.name} cannot be written: permission is denied in {parent}. Choose another folder.")


def discard(to: Location) -> None:
    """Delete what a failed job left. At an address, Spark itself deletes all but an empty folder."""
    if to.folder is not None and to.folder.is_dir() and not (to.folder / "_SUCCESS").exists():
        shutil.rmtree(to.folder, ignore_errors=True)
