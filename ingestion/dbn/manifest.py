"""The manifest.json that Databento delivers beside its files: size and SHA-256 of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ingestion.errors import UnreadableFile


@dataclass(frozen=True)
class ManifestEntry:
    """What the vendor's manifest.json, delivered beside the file, says that the file is."""

    path: Path
    size: int
    sha256: str


def read_manifest_entry(path: Path) -> ManifestEntry | None:
    """What `manifest.json` in the same folder says of this file, if it names it."""
    manifest = path.with_name("manifest.json")
    try:
        listed = json.loads(manifest.read_bytes())["files"]
        entry = next((item for item in listed if item["filename"] == path.name), None)
        if entry is None:
            return None
        return ManifestEntry(manifest, int(entry["size"]), str(entry["hash"]).removeprefix("sha256:").lower())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableFile(
            f"{path} cannot be held against {manifest}, which cannot be read ({error.strerror}): "
            "make it readable, or remove it if it is not Databento's."
        ) from error
    except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError) as error:
        raise UnreadableFile(
            f"{path} cannot be held against {manifest}, which cannot be understood: "
            "download the manifest again, or remove it if it is not Databento's."
        ) from error
