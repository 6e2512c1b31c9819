"""Archived years of the test database, made by the statements alone, for tests of what reads around them."""

from __future__ import annotations

from pathlib import Path

from django.db import connection, transaction

from marketdata.lake.export.pipeline import export_lake
from marketdata.lake.manifest import Manifest
from marketdata.lake.store import open_store
from marketdata.models import ArchivedYear
from marketdata.partitions.years import partition_name


def archive(year: int, lake: Path | str, *, drop: bool = False) -> ArchivedYear:
    """Export all bars to the lake, and detach the year, which has bars. `drop`: the detached table too.

    The lake is verified by nothing: `ingestion.archive.archiving.archive_year` does it.
    """
    return detach(year, lake, export_lake(open_store(str(lake))).manifest, drop=drop)


def detach(year: int, lake: Path | str, manifest: Manifest, *, drop: bool = False) -> ArchivedYear:
    """Detach a year whose bars are in the lake."""
    rows = sum(file.rows for file in manifest.files if file.year == year)
    table = partition_name(year)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE market_bars_ohlcv_1m DETACH PARTITION {table}")
        cursor.execute(
            "INSERT INTO market_archived_years (year, lake, lake_as_of, bar_count, archived_at, dropped_at) "
            "VALUES (%s, %s, %s, %s, now(), CASE WHEN %s THEN now() END)",
            [year, str(lake), manifest.as_of, rows, drop],
        )
        if drop:
            cursor.execute(f"DROP TABLE {table}")
    return ArchivedYear.objects.get(year=year)
