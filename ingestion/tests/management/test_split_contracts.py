"""The command split_contracts: what it prints, and how it is interrupted."""

from __future__ import annotations

import io
import json
import signal
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.backends.utils import CursorWrapper

from config.testing.builders import Printed
from config.testing.earlier_version import (
    GLOBEX,
    NQH2015,
    NQH2025,
    age_database,
    build_history,
    contract_bars,
    load,
    map_always,
)
from config.testing.processes import Process, backend_in, run, series_locked, until
from config.testing.undo import undo
from ingestion.loading.locks import lock_series
from ingestion.tests.split.test_pipeline import dump_tables
from ingestion.undo import pipeline
from marketdata.models import Bar, IngestRun
from marketdata.runs.locks import SPLIT_DIED, close_orphaned_runs

OLD, NEW = date(2014, 12, 1), date(2024, 12, 2)
WAITING = "SELECT pg_advisory_xact_lock%"
MOVING = "%UPDATE market_bars_ohlcv_1m%"


def split(**options: Any) -> Printed:
    """Run the command in this process. Raises `CommandError` as the command line would show it."""
    out = io.StringIO()
    call_command("split_contracts", stdout=out, **options)
    return Printed(out.getvalue(), "")


@pytest.fixture
def two_contracts(market_db, tmp_path) -> None:
    load(tmp_path, map_always("NQH5", NQH2015), contract_bars(NQH2015, OLD))
    load(tmp_path, map_always("NQH5", NQH2025), contract_bars(NQH2025, NEW, count=5))
    age_database()


def test_the_summary_lists_series_contracts_dates_and_bars(two_contracts):
    before = dump_tables()
    dry = split(dry_run=True).out
    assert "✅ DRY RUN COMPLETE - No database changes made" in dry
    assert "Would split: 1\nWould rename: 0\nWould move: 8\n" in dry
    listed = "nqh5 (NQH5):\n  NQH2015: 3 bars, 2014-12-01 to 2014-12-01\n  NQH2025: 5 bars, 2024-12-02 to 2024-12-02\n"
    assert listed in dry
    assert dump_tables() == before
    out = split().out
    run = IngestRun.objects.get(kind="split")
    assert f"✅ CONTRACTS SPLIT\n{'=' * 80}\nRun ID: {run.pk}\n" in out
    assert "Series split: 1\nSeries renamed: 0\nBars moved: 8\n" in out
    assert listed in out
    assert f"To reverse it, undo run {run.pk} with undo_run." in out


def test_nothing_to_split(two_contracts):
    split()
    assert split().out == "Nothing to split: every series has the name of its contract.\n"
    assert split(series=["nqh2015"]).out == "Nothing to split: nqh2015 (NQH2015) holds no other contract.\n"
    assert split(dry_run=True, json=True).json["series"] == []


@pytest.mark.parametrize("slug", ["none", "nqh5"])
def test_an_unknown_series_is_refused(two_contracts, slug):
    split()
    runs = IngestRun.objects.count()
    with pytest.raises(CommandError) as refusal:
        split(series=[slug])
    run = IngestRun.objects.get(kind="split")
    assert str(refusal.value) == (
        f"There is no series nqh5 any more: run {run.pk} split it."
        if slug == "nqh5"
        else "There is no series none: the slugs are listed by /api/market-data/ and on the home page."
    )
    assert IngestRun.objects.count() == runs


def test_the_json_of_a_split_and_of_its_preview_have_the_same_keys(two_contracts):
    preview, result = split(dry_run=True, json=True).json, split(json=True).json
    assert list(preview) == list(result) == [
        "ok", "dry_run", "run_id", "bars", "series", "unchanged", "refused", "seconds",
    ]  # fmt: skip
    run = IngestRun.objects.get(kind="split")
    assert preview | {"dry_run": False, "run_id": run.pk, "seconds": result["seconds"]} == result
    assert result["series"] == [
        {
            "slug": "nqh5",
            "symbol": "NQH5",
            "moves": [
                {"from": "NQH5", "to": "NQH2015", "start": "2014-12-01", "end": "2014-12-02", "bars": 3},
                {"from": "NQH5", "to": "NQH2025", "start": "2024-12-02", "end": "2024-12-03", "bars": 5},
            ],
        }
    ]


def test_series_that_cannot_be_split_end_the_command_with_1(two_contracts, tmp_path):
    load(tmp_path, map_always("NQH2025", NQH2025), contract_bars(NQH2025, NEW), dataset=GLOBEX, symbol="NQH2025")
    out = io.StringIO()
    with pytest.raises(CommandError, match="nqh5 has bars of NQH2025 on 2024-12-02, and so has the series nqh2025"):
        call_command("split_contracts", json=True, stdout=out)
    printed = json.loads(out.getvalue())
    assert (printed["ok"], printed["run_id"], [one["slug"] for one in printed["refused"]]) == (False, None, ["nqh5"])
    with pytest.raises(CommandError):
        split(dry_run=True)
    assert not IngestRun.objects.filter(kind="split").exists()


def test_the_undo_reports_what_moved_back(two_contracts):
    split()
    run = IngestRun.objects.get(kind="split")
    dry = undo(run.pk, dry_run=True).out
    assert f"Would undo: run {run.pk}\nWould move back: 8\n" in dry
    assert "The run: split of NQH5" in dry
    assert undo(run.pk, json=True, dry_run=True).json["changed_back"] == 8
    out = undo(run.pk).out
    assert f"✅ RUN {run.pk} UNDONE" in out
    assert "Moved back: 8\n" in out
    assert set(Bar.objects.values_list("symbol", flat=True)) == {"NQH5"}


def test_help_has_examples():
    ended = run("--help", command="split_contracts", url="")
    assert ended.code == 0
    for option in ("--series", "--dry-run", "--verbose", "--json"):
        assert f"  {option}" in ended.out
    assert "split_contracts --series nqh5 nqm5" in ended.out
    assert "Exit code: 0 if all is split" in ended.out


@pytest.mark.parametrize("arguments", [["--series"], ["--series", ""], ["nqh5"]])
def test_a_wrong_command_line_ends_with_2(arguments):
    assert run(*arguments, command="split_contracts", url="").code == 2


def test_series_can_be_given_together_or_apart(market_db, tmp_path):
    build_history(tmp_path)
    ended = run("--series", "nqh5", "--series", "NQM5", "--verbose", command="split_contracts")
    assert ended.code == 0
    assert "Series split: 1\nSeries renamed: 1\n" in ended.out
    assert "Moving the bars of NQH5" in ended.err


# --- Interrupted -----------------------------------------------------------------------------------------------------


@pytest.fixture
def slow_move(two_contracts) -> Iterator[None]:
    """Moving takes long after the bars are written, so that a test can send a signal meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_sleep(15); RETURN NULL; END $$;
            CREATE TRIGGER dawdle AFTER UPDATE ON market_bars_ohlcv_1m EXECUTE FUNCTION dawdle();
        """)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION dawdle() CASCADE")


@pytest.mark.parametrize("moment", [WAITING, MOVING])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_leaves_nothing(slow_move, moment, number, code):
    before = dump_tables()
    if moment == WAITING:
        with series_locked(), Process(command="split_contracts") as process:
            ended = _interrupt(process, moment, number)
    else:
        with Process(command="split_contracts") as process:
            ended = _interrupt(process, moment, number)
    assert ended.code == code
    assert ended.sentence == "interrupted: nothing was changed; run the same command again to split the series"
    failed = IngestRun.objects.get(kind="split")
    assert (failed.status, failed.error, failed.moves) == ("failed", ended.sentence, None)
    assert dump_tables() == before


def _interrupt(process: Process, moment: str, number: int):
    until(lambda: backend_in(moment))
    process.signal(number)
    return process.end(10)


def test_a_split_that_was_killed_is_closed_by_the_next_start(two_contracts):
    with series_locked(), Process(command="split_contracts") as process:
        until(lambda: backend_in(WAITING))
        process.signal(signal.SIGKILL)
        process.end()
    until(lambda: not backend_in("%"))
    (pk,) = close_orphaned_runs()
    assert IngestRun.objects.get(pk=pk).error == SPLIT_DIED
    split()
    assert set(Bar.objects.values_list("symbol", flat=True)) == {"NQH2015", "NQH2025"}


def test_an_undo_that_waited_for_the_split_finds_the_bars(two_contracts, monkeypatch):
    """It had read the run's series before the split was committed."""

    def split_first(cursor: CursorWrapper, symbols: list[str]) -> None:
        monkeypatch.setattr(pipeline, "lock_series", lock_series)
        assert run(command="split_contracts").code == 0
        lock_series(cursor, symbols)

    monkeypatch.setattr(pipeline, "lock_series", split_first)
    undone = pipeline.undo_run(run_id=IngestRun.objects.earliest("pk").pk)
    assert undone.counts.removed == 3
    assert set(Bar.objects.values_list("symbol", flat=True)) == {"NQH2025"}
    assert IngestRun.objects.get(kind="undo").symbols == ["NQH2015"]


def test_two_splits_at_once_split_once(two_contracts):
    with series_locked():
        processes = [Process(command="split_contracts") for _ in range(2)]
        until(lambda: IngestRun.objects.filter(kind="split", status="running").count() == 2)
    ended = [process.end() for process in processes]
    assert sorted(one.code for one in ended) == [0, 1]
    assert "Another program changed these series" in next(one.err for one in ended if one.code)
    assert Bar.objects.count() == 8
