"""Downloads a file of a batch job: in parts if the connection fails, and compared with its size and SHA-256."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from ingestion.feeds.asks import JobFile
from ingestion.feeds.errors import BrokenDownload, FeedRefused, TryAgain
from ingestion.feeds.retries import MAX_TRIES, pause
from ingestion.feeds.transport import BodyFailed, Transport
from ingestion.progress import Progress

_MAX_WRONG = 3  # complete downloads with another content
_MAX_PARTS = 100
_HASH_SIZE = 1 << 20


def download_file(transport: Transport, file: JobFile, path: Path, progress: Progress) -> None:
    """Download the rest of the file to `path`; from its start if the content turns out to be wrong."""
    for _ in range(_MAX_WRONG):
        _complete(transport, file, path, progress)
        if _hash(path, progress) == file.sha256:
            return
        path.unlink()
    raise BrokenDownload(
        f"The batch file {file.name} arrived {_MAX_WRONG} times with another SHA-256 than the vendor states, so it was "
        "not loaded: run the command again later, which downloads it without a new charge."
    )


def _complete(transport: Transport, file: JobFile, path: Path, progress: Progress) -> None:
    """Download until the file has its size. Each part that arrives starts the count of failed tries again."""
    failures = 0
    for _ in range(_MAX_PARTS):
        size = _read_size(path)
        if size > file.size:
            path.unlink()
            size = 0
        if size == file.size and path.exists():
            return
        try:
            _append(transport, file, path, size, progress)
        except TryAgain as error:
            failures = 1 if _read_size(path) > size else failures + 1
            if failures >= MAX_TRIES or not pause(error, failures, progress):
                raise
    raise TryAgain(f"The download of {file.name} was interrupted {_MAX_PARTS} times: run the command again later.")


def _append(transport: Transport, file: JobFile, path: Path, size: int, progress: Progress) -> None:
    """Write what follows the first `size` bytes. A server that sends the whole file instead starts it again."""
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={size}-{file.size - 1}"} if size else {})
    try:
        with transport.open("GET", file.url, headers=headers) as response:
            is_rest = response.status_code == 206
            if is_rest and _read_first(response.headers.get("Content-Range")) != size:
                path.unlink(missing_ok=True)
                raise _interrupted(file, path, "the server sent another part")
            with path.open("ab" if is_rest else "wb") as target:
                received = size if is_rest else 0
                for block in transport.read(response, file.size):
                    progress.raise_if_cancelled()
                    target.write(block[: max(0, file.size - received)])
                    received += len(block)
                    progress.advance_to(received)
                target.flush()
                os.fsync(target.fileno())
    except BodyFailed as failure:
        raise _interrupted(file, path, str(failure)) from None
    except FeedRefused as refusal:
        if refusal.status != 416:
            raise
        path.unlink(missing_ok=True)
        raise _interrupted(file, path, "the server has no such part") from None
    if received > file.size:
        path.unlink()
        raise _interrupted(file, path, "the server sent too much")
    if received < file.size:
        raise _interrupted(file, path, "the connection ended early")


def _interrupted(file: JobFile, path: Path, reason: str) -> TryAgain:
    return TryAgain(
        f"The download of {file.name} ended after {_read_size(path):,} of {file.size:,} bytes ({reason}): run the "
        "command again, which goes on from there without a new charge."
    )


def _read_first(content_range: str | None) -> int | None:
    found = re.match(r"bytes (\d+)-", content_range or "")
    return int(found[1]) if found else None


def _read_size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _hash(path: Path, progress: Progress) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_HASH_SIZE):
            progress.raise_if_cancelled()
            digest.update(block)
    return digest.hexdigest()
