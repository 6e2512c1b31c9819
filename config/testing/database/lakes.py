"""A lake of the test database in a folder of the test's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from marketdata.lake.manifest import Manifest, require_manifest
from marketdata.lake.store import Store, open_store


@dataclass(frozen=True)
class LakeFolder:
    """The folder, and what readers find in it."""

    folder: Path

    @property
    def store(self) -> Store:
        return open_store(str(self.folder))

    @property
    def manifest(self) -> Manifest:
        return require_manifest(self.store)
