"""An export that is killed at any moment leaves one state, or files that are missing, and never a mixture."""

from __future__ import annotations

import contextlib
import hashlib
import itertools

import pytest
from django.core.management import CommandError

from config.testing.builders import bars
from config.testing.processes import Process, session, until
from config.testing.rows import execute
from config.testing.undo import ingest_records
from marketdata.lake import store as store_module
from marketdata.lake.errors import LakeError
from marketdata.lake.export import pipeline
from marketdata.lake.export.pipeline import export_lake
from marketdata.lake.read import LakeReader
from marketdata.lake.snapshot import open_snapshot
from marketdata.tests.lake.conftest import Lake, read_table, store_bars, store_run


class Killed(BaseException):
    """Stands for SIGKILL: nothing is written any more."""


def kill_at(store: store_module.Store, step: int) -> store_module.Store:
    """The store, whose writes and deletions fail from this one on, half way through a file."""
    left = itertools.count(step, -1)
    create, move, delete = store.create, store.move, store.delete

    def check() -> None:
        if next(left) <= 0:
            raise Killed

    class HalfFile:
        def __init__(self, file):
            self._file, self._is_new = file, True

        def write(self, data):
            is_killed = self._is_new and next(left) <= 0
            self._is_new = False
            self._file.write(bytes(data)[: len(data) // 2] if is_killed else data)
            if is_killed:
                raise Killed

    @contextlib.contextmanager
    def create_or_die(path):
        check()
        with create(path) as file:
            yield HalfFile(file)

    store.create = create_or_die
    store.move = lambda *paths: (check(), move(*paths))
    store.delete = lambda path: (check(), delete(path))
    return store


def check_one_state(lake: Lake, states: list[list[tuple]]) -> None:
    """What readers of the manifest and of *.parquet find."""
    manifest = lake.manifest
    known = {file.path: file for file in manifest.files}
    assert set(lake.list_parquet()) <= set(known)
    for path in lake.list_parquet():
        assert hashlib.sha256((lake.folder / path).read_bytes()).hexdigest() == known[path].sha256
    if set(lake.list_parquet()) == set(known):
        assert lake.read_rows() in states
    else:
        rows = lake.read_rows()
        assert any(all(row in state for row in rows) for state in states)
        with pytest.raises(LakeError, match="is missing"):
            for symbol in {symbol for file in manifest.files for symbol in file.symbols}:
                list(LakeReader(lake.store).iterate_tables(symbol))


@pytest.mark.parametrize("since_last", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_killed_export_leaves_one_state_and_the_next_completes(lake, tmp_path, since_last):
    ingest_records(tmp_path, bars(5))
    store_run(100, symbols=["other"], first="2023-01-01", last="2023-12-31")
    store_bars("other", "2023-05-05T00:00", run=100)
    execute("SELECT setval('data_ingest_runs_id_seq', 1)")
    lake.export()
    states = [read_table()]
    for step in itertools.count():
        execute("UPDATE market_bars_ohlcv_1m SET volume = volume + 1")
        states.append(read_table())
        try:
            export_lake(kill_at(lake.store, step), since_last=since_last)
        except Killed:
            check_one_state(lake, states)
            if step % 2:
                lake.export(since_last=since_last)
                lake.check()
        else:
            break
    assert step > 20
    lake.check()


@pytest.mark.slow
def test_a_killed_process_leaves_one_state(lake, tmp_path):
    ingest_records(tmp_path, bars(20_000))
    lake.export()
    states = [read_table()]
    ingest_records(tmp_path, bars(10_000, first=20_000))
    states.append(read_table())
    staging = lake.folder / "_lake/staging"
    with Process("--to", lake.folder, command="export_lake") as process:
        until(lambda: staging.exists() and list(staging.iterdir()))
        process.signal(9)
        process.end()
    check_one_state(lake, states)
    lake.export(since_last=True)
    lake.check()


def test_one_export_at_a_time(lake, tmp_path):
    ingest_records(tmp_path, bars(5))
    lake.export()
    with lake.store.lock("_lake/lock"), pytest.raises(CommandError, match=r"Another export is writing to"):
        lake.export()
    with open_snapshot(lock=True):
        ended = run_export(lake)
    assert (ended.code, ended.sentence) == (1, "Another export of this database is running: wait until it has ended.")
    lake.check()


def run_export(lake: Lake):
    with Process("--to", lake.folder, command="export_lake") as process:
        return process.end()


def test_loads_during_an_export_are_not_part_of_it(lake, tmp_path, monkeypatch):
    """All files have one state, although a load is committed between two of them."""
    store_run(100, symbols=["other"], first="2023-01-01", last="2023-12-31")
    store_bars("other", "2023-05-05T00:00", run=100)
    execute("SELECT setval('data_ingest_runs_id_seq', 1)")
    ingest_records(tmp_path, bars(5))
    before = read_table()
    write_bars = pipeline.write_bars

    def load_then_write(*arguments):
        with session() as cursor:
            cursor.execute("UPDATE market_bars_ohlcv_1m SET volume = volume + 1")
            cursor.execute("DELETE FROM market_bars_ohlcv_1m WHERE symbol = 'other'")
        return write_bars(*arguments)

    monkeypatch.setattr(pipeline, "write_bars", load_then_write)
    lake.export()
    assert lake.read_rows() == before
    monkeypatch.undo()
    lake.export(since_last=True)
    lake.check()
