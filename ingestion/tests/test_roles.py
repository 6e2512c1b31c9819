"""The rights in marketdata/README.md are enough for a role that writes bars, and for one that loads files."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from django.conf import settings
from django.db import connection

from config.testing.builders import bars, write
from config.testing.database.scratch import temporary_role
from config.testing.earlier_version import build_history
from config.testing.processes import Process, database_url, run, series_locked, until
from config.testing.rollup import assert_rollup_matches
from marketdata.models import Bar, BarRevision, IngestRun
from marketdata.runs.progress import read_progress

ROLES = ("bar_writer", "file_loader", "lake_exporter")
BAR = """
INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
VALUES ('A', to_timestamp(%s), %s * 1000, 1, 3, 1, 2, 5, %s)
ON CONFLICT (symbol, ts) DO UPDATE SET volume = excluded.volume + 1
"""


@pytest.fixture
def url(market_db) -> Iterator[str]:
    """The test database's URL, with {role} to be filled in: one of ROLES. The roles have what the README grants."""
    readme = Path(settings.BASE_DIR, "marketdata/README.md").read_text()
    grants = "".join(re.findall(r"```sql\n(.*?)```", readme, re.DOTALL))
    with contextlib.ExitStack() as roles:
        for role in ROLES:
            name = roles.enter_context(temporary_role(role))
            grants = re.sub(rf"\b{role}\b", name, grants)
        with connection.cursor() as cursor:
            cursor.execute(grants)
        user = connection.settings_dict["USER"]
        yield database_url().replace(f"//{user}@", f"//{name.removesuffix(role)}{{role}}@")


def test_a_role_that_only_writes_bars(url):
    other = psycopg2.connect(url.format(role="bar_writer"))
    try:
        with other, other.cursor() as cursor:
            cursor.execute(
                "INSERT INTO data_ingest_runs (vendor, dataset, vendor_dataset, schema, symbols, file_name, file_path,"
                " file_sha256, requested_symbol, replace_instrument, status, started_at, error, row_count,"
                " inserted_count, updated_count, changed_count, duplicate_count, removed_count, gap_count)"
                " VALUES ('own', '', '', 'ohlcv-1m', '{A}', 'f', 'f', '', '', false, 'running', now(), '',"
                " 0, 0, 0, 0, 0, 0, 0) RETURNING id"
            )
            (run_id,) = cursor.fetchone()
            cursor.execute("SELECT market_bars_add_partitions(ARRAY[1970])")
            for second in (0, 60, 7200, 60):
                cursor.execute(BAR, [second, second, run_id])
            cursor.execute("UPDATE market_bars_ohlcv_1m SET close = low WHERE ts = to_timestamp(0)")
            cursor.execute("DELETE FROM market_bars_ohlcv_1m WHERE ts = to_timestamp(7200)")
        assert_rollup_matches()
        assert Bar.objects.count() == 2
        with other, other.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("DELETE FROM market_bars_ohlcv_1h")
    finally:
        other.close()


def test_a_role_that_loads_files_splits_series(url, tmp_path):
    build_history(tmp_path)
    loader = url.format(role="file_loader")
    ended = run(command="split_contracts", url=loader)
    assert (ended.code, ended.err) == (0, "")
    assert set(Bar.objects.values_list("symbol", flat=True)) == {"NQH2015", "NQH2025", "NQM2015"}
    assert_rollup_matches()
    ended = run(str(IngestRun.objects.get(kind="split").pk), command="undo_run", url=loader)
    assert (ended.code, ended.err) == (0, "")
    assert set(Bar.objects.values_list("symbol", flat=True)) == {"NQH5", "NQM5"}
    assert_rollup_matches()


def test_a_role_that_loads_files_shows_its_progress_and_can_be_cancelled(url, tmp_path):
    path = write(tmp_path / "a.dbn", bars(5))
    with series_locked(), Process("--input", path, url=url.format(role="file_loader")) as process:
        assert until(lambda: read_progress().get(1)).step.startswith("Waiting")
        IngestRun.objects.update(cancel_requested_by="alice")
        assert process.end(10).sentence.startswith("Cancelled by alice")
    assert IngestRun.objects.get().status == "failed"


def test_a_role_that_loads_and_undoes_files(url, tmp_path):
    first, changed = bars(100), bars(150)
    changed["volume"] += 1
    loader = url.format(role="file_loader")
    for name, records in (("first", first), ("changed", changed)):
        ended = run("--input", write(tmp_path / f"{name}.dbn", records), url=loader)
        assert (ended.code, ended.err) == (0, "")
    ended = run("--input", tmp_path / "changed.dbn", "--skip-ingested", url=loader)
    assert (ended.code, ended.out) == (0, f"Skipped: {tmp_path}/changed.dbn is already loaded (run 2).\n")
    ended = run("2", command="undo_run", url=loader)
    assert (ended.code, ended.err) == (0, "")
    assert (Bar.objects.count(), IngestRun.objects.count(), BarRevision.objects.exists()) == (100, 3, True)
    assert_rollup_matches()
