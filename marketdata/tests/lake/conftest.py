"""Lakes of the test database in a folder of the test's own."""

from __future__ import annotations

import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from django.core.management import call_command
from pyarrow import parquet

from config.testing.database.lakes import LakeFolder
from config.testing.rows import BARS, RUNS, execute, insert
from marketdata.lake.columns import COLUMNS
from marketdata.lake.read import to_table_rows
from marketdata.models import Bar

MNQ = "CME_MINI:MNQ1!"


class Lake(LakeFolder):
    """A folder, and what commands and readers find in it."""

    def run(self, command: str, **options: Any) -> str:
        """The standard output of a command on this lake. Raises `CommandError`."""
        out = io.StringIO()
        call_command(command, **{"to": str(self.folder), "stdout": out, **options})
        return out.getvalue()

    def export(self, **options: Any) -> dict:
        """The JSON of an export."""
        printed: dict = json.loads(self.run("export_lake", json=True, **options))
        return printed

    def list_parquet(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*.parquet"))

    def read_rows(self) -> list[tuple]:
        """The rows of all files that end in .parquet, by symbol and ts."""
        tables = [parquet.ParquetFile(self.folder / path).read() for path in self.list_parquet()]
        rows = [row for table in tables for row in to_table_rows(table)]
        return sorted(rows, key=lambda row: (row[2], row[3]))

    def check(self) -> None:
        """The files are exactly the table, and exactly those of the manifest, and nothing is left over."""
        assert self.read_rows() == read_table()
        assert self.list_parquet() == sorted(file.path for file in self.manifest.files)
        paths = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}
        assert paths - self.manifest.paths == {"_lake/manifest.json", "_lake/lock"}
        assert "is right" in self.run("verify_lake")


def read_table() -> list[tuple]:
    """All columns of the table of bars, by symbol and ts."""
    return list(Bar.objects.order_by("symbol", "ts").values_list(*COLUMNS))


def store_run(number: int, *, symbols: list[str], first: str, last: str) -> None:
    """A successful run of this range, without bars."""
    insert(RUNS, id=number, symbols=symbols, min_ts=first, max_ts=last)
    execute(
        "UPDATE data_ingest_runs SET started_at = clock_timestamp(), finished_at = clock_timestamp() WHERE id = %s",
        number,
    )


def store_bars(symbol: str, *moments: str, run: int = 1, **changes: Any) -> None:
    """A bar at each of these times, UTC."""
    for moment in moments:
        ts = datetime.fromisoformat(moment + "+00:00")
        execute("SELECT market_bars_add_partitions(ARRAY[%s])", ts.year)
        insert(BARS, symbol=symbol, ts=ts, ts_ms=int(ts.timestamp()) * 1000, ingestion_run_id=run, **changes)


def read_schema(path: Path) -> pyarrow.Schema:
    return parquet.read_schema(path)


@pytest.fixture
def lake(market_db, tmp_path):
    return Lake(tmp_path / "lake of mine")
