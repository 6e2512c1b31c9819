"""Opens the lakes of archived years, and reads years from them."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

from marketdata.lake.errors import LakeError, MissingFile
from marketdata.lake.manifest import MANIFEST, Manifest, require_manifest
from marketdata.lake.read import LakeReader
from marketdata.lake.store import Store, open_store
from marketdata.models import ArchivedYear
from marketdata.sources.errors import ArchivedBarsUnreadable
from marketdata.timestamps import from_seconds

if TYPE_CHECKING:
    import pyarrow

logger = logging.getLogger(__name__)

_TRIES = 3
_PAUSE_SECONDS = 0.2  # an export replaces files within milliseconds
_MINUTE = timedelta(minutes=1)


def open_year(archived: ArchivedYear) -> LakeReader:
    """A reader of the lake's present state, which has the whole year. Raises `ArchivedBarsUnreadable`."""
    try:
        store = _open_store(archived.lake, settings.LAKE_ENDPOINT_URL, *map(os.environ.get, _ENVIRONMENT))
        return LakeReader(store, _check(archived, _read_manifest(store)))
    except LakeError as error:
        raise _to_unreadable(archived, error) from error


def iterate_tables(
    archived: ArchivedYear,
    symbol: str,
    *,
    start: datetime,
    end: datetime,
    columns: Sequence[str],
    descending: bool = False,
) -> Iterator[pyarrow.Table]:
    """What `LakeReader.iterate_tables` returns of a year. `start` and `end` are within it.

    Raises `ArchivedBarsUnreadable`. If an export replaces a file meanwhile, the lake's next state is read: the bars of
    an archived year are the same there.
    """
    failures = 0
    while start < end:
        reader = open_year(archived)
        try:
            for table in reader.iterate_tables(
                symbol, start=start, end=end, descending=descending, columns=list(dict.fromkeys([*columns, "ts_ms"]))
            ):
                yield table.select(list(columns))
                start, end = _find_rest(table, start, end, descending=descending)
            return
        except MissingFile as error:
            failures += 1
            if failures >= _TRIES:
                raise _to_unreadable(archived, error) from error
            time.sleep(_PAUSE_SECONDS)
        except LakeError as error:
            raise _to_unreadable(archived, error) from error


def _find_rest(table: pyarrow.Table, start: datetime, end: datetime, *, descending: bool) -> tuple[datetime, datetime]:
    if descending:
        return start, from_seconds(table["ts_ms"][0].as_py() // 1000)
    return from_seconds(table["ts_ms"][-1].as_py() // 1000) + _MINUTE, end


_ENVIRONMENT = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


@lru_cache(maxsize=32)
def _open_store(target: str, *environment: str | None) -> Store:
    """Opening a bucket costs more than reading a page from it. `environment`: what it depends on."""
    return open_store(target, is_patient=False)


_manifests: dict[str, tuple[tuple[int, int], Manifest]] = {}
_MAX_MANIFESTS = 4  # one of 10,000 series and 15 years has tens of MB


def _read_manifest(store: Store) -> Manifest:
    """The manifest, from memory unless its file has changed."""
    stamp = store.find_stamp(MANIFEST)
    known = _manifests.get(store.name)
    if stamp is None or known is None or known[0] != stamp:
        manifest = require_manifest(store)
        if stamp is None:
            return manifest
        if len(_manifests) >= _MAX_MANIFESTS:
            _manifests.clear()
        known = _manifests[store.name] = stamp, manifest
    return known[1]


def _check(archived: ArchivedYear, manifest: Manifest) -> Manifest:
    """The manifest. Raises `LakeError` if it is not of a state that has all bars of the year."""
    rows = sum(file.rows for file in manifest.files if file.year == archived.year)
    if rows != archived.bar_count:
        raise LakeError(
            f"{archived.lake} has {rows:,} bars of {archived.year}, and {archived.bar_count:,} were archived."
        )
    if manifest.as_of < archived.lake_as_of:
        raise LakeError(f"{archived.lake} has an older state than the one that was archived.")
    return manifest


def _to_unreadable(archived: ArchivedYear, error: LakeError) -> ArchivedBarsUnreadable:
    logger.error("The archived bars of %s cannot be read: %s", archived.year, error)
    return ArchivedBarsUnreadable(archived.year, str(error))
