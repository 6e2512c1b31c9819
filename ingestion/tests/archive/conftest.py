"""A table with the bars of several years, and the commands that archive them."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from config.testing.builders import FRONT, Printed, at, bars, write
from config.testing.database.lakes import LakeFolder
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file
from marketdata.lake.columns import COLUMNS
from marketdata.lake.export.pipeline import export_lake
from marketdata.models import ArchivedYear, Bar, IngestRun

YEAR = 2024
MNQ = "CME_MINI:MNQ1!"


def bars_on(day: date, count: int = 120, *, base: int = 16_800, first: int = 0) -> np.ndarray:
    """Bars of this UTC day, whose prices change within each hour."""
    records = bars(count, base=base)
    records["ts_event"] = [at(first + minute, day=day) for minute in range(count)]
    return records


def ingest_days(folder: Path, *days: date, options: IngestOptions | None = None, **changes: Any) -> IngestRun:
    """Ingest a file of its own with bars of these UTC days. `changes`: as of `bars_on`."""
    records = np.concatenate([bars_on(day, **changes) for day in days])
    path = folder / f"{len(list(folder.glob('*.dbn')))}.dbn"
    span = date(days[0].year, 1, 1), date(days[-1].year + 1, 1, 1)
    mappings = {"MNQ.c.0": [(*span, FRONT)]}
    start, end = (at(0, day=day) for day in span)
    return ingest_file(path=write(path, records, mappings=mappings, start=start, end=end), options=options).run


def read_all() -> list[tuple]:
    """All columns of all bars of the table."""
    return list(Bar.objects.order_by("symbol", "ts").values_list(*COLUMNS))


def read_derived() -> dict[str, list[tuple]]:
    """What an archive does not change: hours, counts and runs."""
    found = {}
    with connection.cursor() as cursor:
        for table in ("market_bars_ohlcv_1h", "market_series_counts", "data_ingest_runs", "market_bar_revisions"):
            cursor.execute(f"SELECT {table}::text FROM {table} ORDER BY 1")  # noqa: S608
            found[table] = cursor.fetchall()
    return found


class Archive(LakeFolder):
    """A folder with a lake, and the commands on it."""

    def export(self, **options: Any) -> None:
        export_lake(self.store, **options)

    def run(self, year: int = YEAR, **options: Any) -> str:
        """The standard output of archive_year. Raises `CommandError`."""
        return run_command("archive_year", year, lake=str(self.folder), **options).out

    def refuse(self, year: int = YEAR, **options: Any) -> str:
        """The message of archive_year, which must change nothing."""
        return refuse_command("archive_year", year, lake=str(self.folder), **options)

    def restore(self, year: int = YEAR, **options: Any) -> str:
        return run_command("restore_year", year, **options).out

    def find_file(self, year: int = YEAR) -> Path:
        [path] = [self.folder / file.path for file in self.manifest.files if file.year == year]
        return path

    def edit_manifest(self, year: int, **changes: Any) -> None:
        path = self.folder / "_lake/manifest.json"
        manifest = json.loads(path.read_text())
        [file] = [file for file in manifest["files"] if file["year"] == year]
        file |= changes
        path.write_text(json.dumps(manifest))


def run_command(name: str, *arguments: object, **options: Any) -> Printed:
    out, err = io.StringIO(), io.StringIO()
    call_command(name, *map(str, arguments), stdout=out, stderr=err, **options)
    return Printed(out.getvalue(), err.getvalue())


def refuse_command(name: str, *arguments: object, **options: Any) -> str:
    """The message of a command that exits with 1 and changes nothing."""
    before = read_all(), list_records(), list_tables()
    with pytest.raises(CommandError) as refused:
        run_command(name, *arguments, **options)
    assert refused.value.returncode == 1
    assert (read_all(), list_records(), list_tables()) == before
    return str(refused.value)


def list_records() -> list[tuple]:
    return list(ArchivedYear.objects.values_list())


def list_tables() -> list[tuple]:
    """The tables of years, and whether each is a partition."""
    with connection.cursor() as cursor:
        cursor.execute(
            r"SELECT relname, relispartition FROM pg_class WHERE relname ~ '^market_bars_ohlcv_1m_\d+$' ORDER BY 1"
        )
        return cursor.fetchall()


@pytest.fixture
def archive(market_db, tmp_path) -> Archive:
    """Bars of 2023, 2024 and 2025 in the table, and a lake that has them."""
    made = Archive(tmp_path / "lake of mine")
    for year in (2023, 2024, 2025):
        ingest_days(tmp_path, date(year, 1, 3), date(year, 11, 5))
    made.export()
    return made


def at_utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
