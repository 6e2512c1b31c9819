"""A folder or a bucket in which a lake is, by pyarrow's filesystems. Paths are relative to it, with `/`."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

from marketdata.lake.errors import LakeError

if TYPE_CHECKING:
    from pyarrow import NativeFile
    from pyarrow.fs import FileSystem

_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")
_REMEDIES = {
    errno.ENOSPC: "There is no space left: make some",
    errno.EDQUOT: "The quota is used up: make space",
    errno.EFBIG: "A file would be larger than is allowed: raise the limit",
    errno.EACCES: "Permission is denied: allow it to this user",
    errno.EPERM: "The operation is not permitted: allow it to this user",
    errno.EROFS: "The file system is read-only: choose another folder",
    errno.ENOTDIR: "A file is where a folder should be: choose another folder",
    errno.ENOENT: "No folder can be made there: choose another one",
    errno.ENAMETOOLONG: "A name is too long: choose another folder",
    errno.EEXIST: "A file is where a folder should be: choose another folder",
}

_ADVICE = ": check the bucket, LAKE_ENDPOINT_URL, and the credentials in AWS_*"
# What pyarrow reports has the request's number, its key and a part of curl's text.
_AWS_CODE = re.compile(r"AWS Error ([A-Z_]+)")
_AWS_REASONS = {
    "NO_SUCH_BUCKET": "The bucket does not exist",
    "NETWORK_CONNECTION": "The server cannot be reached",
    "ACCESS_DENIED": "Access is denied",
    "INVALID_ACCESS_KEY_ID": "The access key is unknown",
    "SIGNATURE_DOES_NOT_MATCH": "The secret key is wrong",
}


class Store:
    """Reads and writes files of one lake. Raises `LakeError` for everything that fails, except a missing file."""

    def __init__(self, name: str, filesystem: FileSystem, base: str, folder: Path | None) -> None:
        self.name = name  # as the user wrote it
        self._filesystem, self._base, self._folder = filesystem, base.rstrip("/"), folder

    @property
    def address(self) -> str:
        """The absolute folder, or the s3:// address: what to store, and to give to `open_store` anywhere."""
        return self.name if self._folder is None else str(self._folder)

    @property
    def is_local(self) -> bool:
        return self._folder is not None

    def read(self, path: str) -> bytes | None:
        """The content; None if there is no such file."""
        with self._errors("read"):
            try:
                with self._filesystem.open_input_stream(self._locate(path)) as file:
                    content: bytes = file.read()
                    return content
            except FileNotFoundError:
                self._require_bucket()
                return None

    def find_stamp(self, path: str) -> tuple[int, int] | None:
        """The time of its last change (ns) and its size; None if there is no such file."""
        from pyarrow.fs import FileType

        with self._errors("read"):
            info = self._filesystem.get_file_info(self._locate(path))
        return (info.mtime_ns, info.size) if info.type == FileType.File else None

    def open(self, path: str) -> NativeFile:
        """For reading at any position. Raises `FileNotFoundError`."""
        with self._errors("read"):
            return self._filesystem.open_input_file(self._locate(path))

    @contextlib.contextmanager
    def create(self, path: str) -> Iterator[Any]:
        """A file to write, which is on the disk when the block ends."""
        with self._errors("written"):
            self._make_parent(path)
            with self._filesystem.open_output_stream(self._locate(path)) as file:
                yield file
            self._sync(path)

    def replace(self, path: str, content: bytes) -> None:
        """Write a file so that readers see either the old or the new content.

        In a bucket too: pyarrow completes an upload that an exception ends, and the object would be cut off.
        """
        with self.create(f"{path}.part") as file:
            file.write(content)
        self.move(f"{path}.part", path)

    def move(self, path: str, to: str) -> None:
        """Give the file another name, and replace a file that has it."""
        with self._errors("written"):
            self._make_parent(to)
            self._filesystem.move(self._locate(path), self._locate(to))
            self._sync_folder(to)

    def delete(self, path: str) -> None:
        """Delete the file, if there is one."""
        with self._errors("written"), contextlib.suppress(FileNotFoundError):
            self._filesystem.delete_file(self._locate(path))

    def list_files(self) -> dict[str, int]:
        """The size of every file."""
        from pyarrow.fs import FileSelector, FileType

        with self._errors("read"):
            infos = self._filesystem.get_file_info(FileSelector(self._base, allow_not_found=True, recursive=True))
        start = len(self._base) + 1
        return {info.path[start:]: info.size for info in infos if info.type == FileType.File}

    def delete_empty_folders(self) -> None:
        """Delete folders that a rewritten lake no longer needs. A bucket has none."""
        if self._folder is None:
            return
        for folder, _, _ in os.walk(self._folder, topdown=False):
            with contextlib.suppress(OSError):  # it is not empty
                if "=" in Path(folder).name:
                    Path(folder).rmdir()

    @contextlib.contextmanager
    def lock(self, path: str) -> Iterator[None]:
        """Hold the lock of this folder, which ends with the process. Raises `LakeError` if another export has it.

        S3 has no such lock. There the lock in the database, and the manifest's identifier of that database, keep two
        exports apart.
        """
        if self._folder is None:
            yield
            return
        import fcntl

        with self._errors("written"):
            self._make_parent(path)
            file = (self._folder / path).open("ab")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise LakeError(f"Another export is writing to {self.name}: wait until it has ended.") from error
            yield

    def _require_bucket(self) -> None:
        """Without a bucket, all of its files are missing. Raises `LakeError`."""
        from pyarrow.fs import FileType

        if self._folder is not None:
            return
        with contextlib.suppress(OSError):  # a user may be allowed to read files, and not to ask for the bucket
            if self._filesystem.get_file_info(self._base.partition("/")[0]).type == FileType.NotFound:
                raise LakeError(f"{self.name} cannot be read. {_AWS_REASONS['NO_SUCH_BUCKET']}{_ADVICE}.")

    def _locate(self, path: str) -> str:
        return f"{self._base}/{path}"

    def _make_parent(self, path: str) -> None:
        if self._folder is not None:
            (self._folder / path).parent.mkdir(parents=True, exist_ok=True)

    def _sync(self, path: str) -> None:
        """Have the file on the disk before it gets its name: after a power failure it would be empty."""
        if self._folder is not None:
            with (self._folder / path).open("rb") as file:
                os.fsync(file.fileno())

    def _sync_folder(self, path: str) -> None:
        if self._folder is not None:
            folder = os.open((self._folder / path).parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    @contextlib.contextmanager
    def _errors(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if verb == "read" and isinstance(error, FileNotFoundError):
                raise
            raise LakeError(f"{self.name} cannot be {verb}. {self._explain(error)}.") from error

    def _explain(self, error: OSError) -> str:
        if self._folder is not None and error.errno in _REMEDIES:
            return f"{_REMEDIES[error.errno]}, and run the command again"
        text = _hide_secrets(str(error).strip().partition("\n")[0].rstrip("."))
        if self._folder is not None:
            return text
        code = _AWS_CODE.search(text)
        return f"{_AWS_REASONS.get(code[1] if code else '', text)}{_ADVICE}"


def _hide_secrets(text: str) -> str:
    for name in _SECRETS:
        if value := os.environ.get(name):
            text = text.replace(value, "…")
    return text


def open_store(target: str, *, is_patient: bool = True) -> Store:
    """The store of a folder, which need not exist, or of `s3://bucket/prefix`. Raises `LakeError` for other targets.

    A request of a web server is not patient: it waits some seconds for S3, instead of minutes.
    """
    if "\0" in target or not target.strip():
        raise LakeError("The lake needs a folder, or an address such as s3://bucket/lake.")
    if re.match(r"(?i)(s3:|[a-z][a-z0-9+.-]*://)", target):
        return _open_bucket(target, _PATIENT if is_patient else _IMPATIENT)
    from pyarrow.fs import LocalFileSystem

    try:
        folder = Path(target).expanduser().absolute()
        is_file = folder.exists() and not folder.is_dir()
    except (OSError, RuntimeError) as error:  # a name that is too long, an unknown user
        reason = getattr(error, "strerror", "") or str(error).rstrip(".")
        raise LakeError(f"{target} cannot be read ({reason}): choose another folder.") from error
    if is_file:
        raise LakeError(f"{target} is a file: choose a folder.")
    return Store(target, LocalFileSystem(), str(folder), folder)


class _Patience(NamedTuple):
    """How long a request of S3 may take, in seconds, and how often it is tried."""

    connect_timeout: float
    request_timeout: float
    max_attempts: int


_PATIENT, _IMPATIENT = _Patience(10, 60, 3), _Patience(2, 4, 1)


def _open_bucket(target: str, patience: _Patience) -> Store:
    try:
        url = urlsplit(target)
    except ValueError:
        raise LakeError("The address of the lake is not understood: write s3://bucket/lake.") from None
    if "@" in url.netloc:
        raise LakeError("An address must not have credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
    if url.scheme.lower() != "s3" or not url.netloc or ":" in url.netloc or url.query or url.fragment:
        raise LakeError(f"{target} is neither a folder nor an address such as s3://bucket/lake.")
    if not {"", ".", ".."}.isdisjoint(url.path.rstrip("/").split("/")[1:]):
        raise LakeError(f"{target} has an empty part, or one of dots: write an address such as s3://bucket/lake.")
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

    options: dict[str, Any] = {"retry_strategy": AwsStandardS3RetryStrategy(max_attempts=patience.max_attempts)}
    options |= {"connect_timeout": patience.connect_timeout, "request_timeout": patience.request_timeout}
    options["background_writes"] = False
    if settings.LAKE_ENDPOINT_URL:
        options["endpoint_override"] = settings.LAKE_ENDPOINT_URL
    # Without a region, pyarrow asks AWS for the bucket's, and for credentials a server of the cloud's network.
    if region := os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
        options["region"] = region
    elif settings.LAKE_ENDPOINT_URL:
        options["region"] = "us-east-1"
    base = url.netloc + url.path.rstrip("/")
    return Store(target, S3FileSystem(**options), base, None)
