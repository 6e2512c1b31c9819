"""The manifest.json that Databento delivers with its files: the size and SHA-256 of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ingestion.dbn.opening import read_small
from ingestion.errors import UnreadableFile

_MAX_SIZE = 1 << 25  # bytes: 150,000 files


@dataclass(frozen=True)
class ManifestEntry:
    """The size (bytes) and SHA-256 (lower-case hexadecimal) of one file, as the manifest at `path` lists them."""

    path: Path
    size: int
    sha256: str


def read_manifest_entry(path: Path) -> ManifestEntry | None:
    """The entry of the file `path` in the manifest.json of its folder; None without a manifest or an entry.

    Raises `UnreadableFile` for a manifest that cannot be read or parsed, since the file then cannot be checked.
    """
    manifest = path.with_name("manifest.json")
    try:
        files = json.loads(read_small(manifest, _MAX_SIZE))["files"]
        entry = next((file for file in files if file["filename"] == path.name), None)
        if entry is None:
            return None
        return ManifestEntry(manifest, int(entry["size"]), str(entry["hash"]).removeprefix("sha256:").lower())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableFile(
            f"{path} cannot be checked against {manifest}, which cannot be read ({error.strerror}): "
            "make it readable, or remove it if it is not Databento's.",
            path=path,
        ) from error
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, MemoryError) as error:
        raise UnreadableFile(
            f"{path} cannot be checked against {manifest}, which cannot be parsed: "
            "download the manifest again, or remove it if it is not Databento's.",
            path=path,
        ) from error
