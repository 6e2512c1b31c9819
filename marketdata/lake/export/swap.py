"""Replaces the files of the lake by those of its next state, so that no reader takes a mixture for a state.

New files are written below `_lake/staging`, under names that do not end in `.parquet`. A journal then states what is to
happen, and from then on the next state is decided: after a crash, the next export does the rest. Files of the state
before are deleted first, then the manifest is replaced, then the new files get their names. So all files that end in
`.parquet` belong to the manifest at every moment; some of its files may be missing for a short time.
"""

from __future__ import annotations

import json
import uuid

from marketdata.lake.errors import LakeError
from marketdata.lake.manifest import FOLDER, JOURNAL, MANIFEST, Manifest, encode_json, from_json
from marketdata.lake.store import Store

STAGING = f"{FOLDER}/staging"
LOCK = f"{FOLDER}/lock"


def make_staged_path() -> str:
    """A path for a file that is being written."""
    return f"{STAGING}/{uuid.uuid4().hex}.part"


def finish_swap(store: Store) -> bool:
    """Do the rest of a swap that was interrupted, and delete files that an interrupted export left. Returns whether
    there was a swap. The caller holds the lock."""
    content = store.read(JOURNAL)
    if content is not None:
        _apply(store, content)
    for path in store.list_files():
        if path.startswith(f"{STAGING}/") or path == f"{MANIFEST}.part" or path == f"{JOURNAL}.part":
            store.delete(path)
    return content is not None


def swap(store: Store, manifest: Manifest, staged: dict[str, str], before: Manifest | None) -> None:
    """Make `manifest` the state of the lake. `staged`: the path of each new file, and where it is now."""
    old = before.paths if before else set()
    journal = {
        "manifest": manifest.to_json(),
        "delete": sorted(old - manifest.paths),
        "move": staged,  # also over files of the state before: they may be damaged
    }
    content = encode_json(journal)
    store.replace(JOURNAL, content)
    _apply(store, content)


def _apply(store: Store, content: bytes) -> None:
    """Each step may have been done before."""
    try:
        journal = json.loads(content)
        manifest = encode_json(from_json(journal["manifest"]).to_json())
        moves, deleted = journal["move"], journal["delete"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LakeError(f"{store.name}/{JOURNAL} is damaged: delete it, and export all of the lake again.") from error
    for path in deleted:
        store.delete(path)
    store.replace(MANIFEST, manifest)
    present = store.list_files()
    for path, source in moves.items():
        if source in present:
            store.move(source, path)
    store.delete(JOURNAL)
    store.delete_empty_folders()
