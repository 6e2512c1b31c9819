"""Where the data of this database is kept: FEED_DIR has a folder for each database, so that two never share files.

A request's file is stored relative to that folder, which can be moved with its content.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import uuid
from pathlib import Path

from django.conf import settings

from ingestion.feeds.errors import FeedRefused
from marketdata.models import FeedRequest, FeedStore

RECORD_BYTES = 56  # of an uncompressed record: more than it has in a file
SPARE_BYTES = 32 << 20  # metadata of many contracts, and room for the database's own small files
_HASH_SIZE = 1 << 20


def feed_folder() -> Path:
    """The folder of this database, which only its user may enter. Raises `FeedRefused` if it cannot be made."""
    store = FeedStore.objects.first() or FeedStore.objects.create(identifier=uuid.uuid4())
    folder = Path(settings.FEED_DIR).absolute() / str(store.identifier)
    make_folder(folder)
    return folder


def make_folder(folder: Path) -> None:
    """Make the folder and those above it, for this user alone. Raises `FeedRefused`."""
    try:
        for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        if not folder.is_dir():
            raise NotADirectoryError(20, "not a folder")
    except OSError as error:
        raise refuse_folder(error, folder) from error


def history_path(request: FeedRequest) -> Path:
    """Where the request's file will be. Its number makes the name unique."""
    slug = _clean(request.series.slug)
    dates = f"{request.start:%Y%m%dT%H%M}-{request.end:%Y%m%dT%H%M}"
    name = f"{_clean(request.vendor_symbol)}-{dates}-request-{request.pk}.{_clean(request.schema)}.dbn.zst"
    return feed_folder() / "history" / slug / name


def _clean(text: str) -> str:
    """The text as a part of a file name: other characters, and a leading dot, are replaced."""
    return re.sub(r"[^A-Za-z0-9._-]|^\.", "_", text)[:100]


def part_path(request: FeedRequest) -> Path:
    """Where the request's data is written until it is checked."""
    path = history_path(request)
    return path.with_name(f"{path.name}.part")


def to_stored(path: Path) -> str:
    """The path as `FeedRequest.file_path` has it."""
    return str(path.relative_to(feed_folder()))


def kept_file(request: FeedRequest) -> Path:
    """The file of a request that arrived, which may have been deleted since."""
    return feed_folder() / request.file_path


def is_kept(request: FeedRequest) -> bool:
    """Whether the file of the request is there, with the size and SHA-256 that it had when it arrived."""
    if not request.file_path:
        return False
    try:
        path = kept_file(request)
        if path.stat().st_size != request.file_size:
            return False
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_HASH_SIZE):
                digest.update(block)
    except OSError:
        return False
    return digest.hexdigest() == request.file_sha256


def prepare_folder(request: FeedRequest) -> None:
    """Make the folder of the request's file. Raises `FeedRefused` if nothing can be written, or space is lacking."""
    part = part_path(request)
    make_folder(part.parent)
    try:
        part.touch(mode=0o600)
        free = shutil.disk_usage(part.parent).free
    except OSError as error:
        raise refuse_folder(error, part.parent) from error
    needed = request.priced_records * RECORD_BYTES + SPARE_BYTES
    if free < needed:
        raise FeedRefused(
            f"{part.parent} has {free >> 20:,} MB of free space, but the data can need {needed >> 20:,} MB, so nothing "
            "was bought: free space, or set FEED_DIR to another disk."
        )
    try:
        _allocate(part, request.priced_records * RECORD_BYTES)
    except OSError as error:
        raise refuse_folder(error, part) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _allocate(path: Path, size: int) -> None:
    """Reserve `size` bytes for the file: a quota or a limit of the process is found before anything is paid for."""
    with path.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, max(size, 1))
        except AttributeError:  # not on macOS
            return
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # of file systems that cannot reserve
                raise


def refuse_folder(error: OSError, path: Path) -> FeedRefused:
    """The refusal of a path that cannot be written."""
    return FeedRefused(
        f"{path} cannot be written ({describe_os_error(error)}): check FEED_DIR, its disk and its permissions."
    )


def describe_os_error(error: OSError) -> str:
    """The system's reason, in a few words."""
    return error.strerror or type(error).__name__
