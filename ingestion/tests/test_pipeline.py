"""One file loaded once and twice: what is true of every ingest, and of every failure during one."""

import itertools
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction

from config.testing.builders import MIDNIGHT, bars, exact, ingest, several, stored, write
from config.testing.processes import session
from ingestion.errors import DatabaseFailure, IngestError, UnexpectedError
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file, preview_file
from ingestion.results import FileResult
from marketdata.models import Bar, BarRevision, IngestRun, Series, SeriesInstrument

pytestmark = pytest.mark.ordinary_role


def rows() -> list[tuple]:
    """Every stored row with its ctid and xmin, which change when a row is written again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ctid::text, xmin::text, * FROM market_bars_ohlcv_1m ORDER BY symbol, ts")
        return cursor.fetchall()


def counts(run: IngestRun | FileResult) -> tuple[int, ...]:
    return (run.row_count, run.inserted_count, run.updated_count, run.changed_count, run.duplicate_count)


def test_a_file_is_stored_exactly_and_its_run_records_it(market_db, tmp_path):
    records = bars(5)
    path = write(tmp_path / "mnq.dbn.zst", records)

    printed = ingest(path)

    assert stored() == exact(records)
    run = IngestRun.objects.get()
    assert (run.status, run.row_count, run.inserted_count, run.updated_count) == ("success", 5, 5, 0)
    assert (run.dataset, run.vendor_dataset, run.symbols) == ("mnq_ohlcv_1m", "GLBX.MDP3", ["CME_MINI:MNQ1!"])
    assert (run.min_ts, run.max_ts) == (MIDNIGHT, MIDNIGHT + timedelta(minutes=4))
    assert (run.file_name, run.file_path, run.file_size) == ("mnq.dbn.zst", str(path), path.stat().st_size)
    assert set(Bar.objects.values_list("ingestion_run", "vendor", "schema")) == {(run.pk, "databento", "ohlcv-1m")}
    assert "✅ INGESTION COMPLETE" in printed.out
    assert "Inserted: 5" in printed.out


def test_a_second_load_writes_only_the_run(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(1000))
    first = ingest_file(path=path).run
    before = rows()

    again = ingest_file(path=path).run

    assert (counts(first), counts(again)) == ((1000, 1000, 0, 0, 0), (1000, 0, 1000, 0, 0))
    assert rows() == before
    assert IngestRun.objects.filter(status="success", file_sha256=first.file_sha256).count() == 2
    assert not BarRevision.objects.exists()
    assert SeriesInstrument.current.count() == 1


def test_a_correction_changes_what_differs_and_keeps_the_old_values(market_db, tmp_path):
    old, new = bars(6), bars(6)
    new["close"][2] += 1  # one billionth
    new["volume"][4] += 1
    first = ingest_file(path=write(tmp_path / "old.dbn", old)).run
    before = rows()

    second = ingest_file(path=write(tmp_path / "new.dbn", new)).run

    assert counts(second) == (6, 0, 6, 2, 0)
    assert stored() == exact(new)
    assert list(Bar.objects.order_by("ts").values_list("ingestion_run", flat=True)) == [
        second.pk if minute in (2, 4) else first.pk for minute in range(6)
    ]
    assert [row for row in rows() if row in before] == [before[minute] for minute in (0, 1, 3, 5)]
    kept = BarRevision.objects.order_by("ts")
    old_values = {
        revision.ts: (revision.open, revision.high, revision.low, revision.close, revision.volume) for revision in kept
    }
    assert old_values == exact(old[[2, 4]])
    assert set(kept.values_list("ingestion_run", "revised_by", "operation")) == {(first.pk, second.pk, "update")}
    changed = Bar.objects.filter(ingestion_run=second).order_by("ts")
    assert list(kept.values_list("created_at", flat=True)) == list(changed.values_list("created_at", flat=True))


def test_repeated_rows_and_gaps_are_counted(market_db, tmp_path):
    run = ingest_file(path=write(tmp_path / "mnq.dbn", bars(10)[[0, 1, 1, 1, 2, 5, 5, 9]])).run

    assert (counts(run), run.gap_count) == ((8, 5, 0, 0, 3), 2)


def test_a_preview_writes_nothing_and_counts_as_the_ingest_does(market_db, tmp_path):
    ingest_file(path=several(tmp_path / "old.dbn", {"ESH4": bars(6, instrument_id=5)}))
    new = bars(9, first=3, instrument_id=5)[[0, 1, 1, 2, 3, 8]]
    new["volume"][0] = 1
    path = several(tmp_path / "new.dbn", {"ESH4": new, "ESM4": bars(2, instrument_id=6)})
    everything = [Bar, BarRevision, IngestRun, Series, SeriesInstrument]
    before = [list(model.objects.values()) for model in everything]

    preview = preview_file(path=path)

    assert [list(model.objects.values()) for model in everything] == before
    run = ingest_file(path=path).run
    assert counts(preview) == counts(run) == (8, 4, 3, 1, 1)
    assert (preview.gap_count, preview.min_ts, preview.max_ts) == (run.gap_count, run.min_ts, run.max_ts)
    assert ([*preview.symbols], preview.file_sha256) == (run.symbols, run.file_sha256)


# --- Failures half-way -----------------------------------------------------------------------------------------------


def failed() -> IngestRun:
    """The last run, after checking what is true of every failed run."""
    run = IngestRun.objects.latest("pk")
    assert run.status == "failed"
    assert counts(run)[1:4] == (0, 0, 0)
    with session() as other:  # its lock is free
        other.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
            " WHERE locktype = 'advisory' AND datname = current_database()"
        )
        assert other.fetchone() == (0,)
    return run


def test_ingest_refuses_to_run_within_a_transaction(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars())
    for function in (ingest_file, preview_file):
        with pytest.raises(UnexpectedError, match="durable"), transaction.atomic():
            function(path=path)
    assert not IngestRun.objects.exists()


def test_a_database_error_becomes_one_sentence(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(), end=None)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE market_bars_ohlcv_1m ADD CONSTRAINT no_bars CHECK (volume < 102)")
    try:
        with pytest.raises(DatabaseFailure) as refusal:
            ingest_file(path=path)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE market_bars_ohlcv_1m DROP CONSTRAINT no_bars")

    assert 'violates check constraint "no_bars"), so nothing of this file was stored' in str(refusal.value)
    assert "\n" not in str(refusal.value)
    run = failed()
    assert run.error == str(refusal.value)
    assert len(run.file_sha256) == 64
    assert stored() == {}
    ingest_file(path=path)


@pytest.mark.parametrize(
    "step",
    ["lock_series", "upsert", "succeed_run", "finish_staging", "copy_staged_bars", "copy_new_bars", "FileReader"],
)
def test_a_bug_closes_the_run_and_refuses_the_file(market_db, tmp_path, monkeypatch, step):
    def fall_over(*args, **kwargs):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(f"ingestion.pipeline.{step}", fall_over)
    path = write(tmp_path / "mnq.dbn", bars())
    with pytest.raises(UnexpectedError) as refusal:
        ingest_file(path=path)

    assert str(refusal.value).startswith(f"{path} could not be loaded, because the program failed on it (ZeroDivisionE")
    assert failed().error == str(refusal.value)
    assert stored() == {}


def test_ctrl_c_in_a_python_shell_closes_the_run(market_db, tmp_path, monkeypatch):
    def press_ctrl_c(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("ingestion.pipeline.upsert", press_ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        ingest_file(path=write(tmp_path / "mnq.dbn", bars()))

    assert failed().error.startswith("interrupted")
    assert stored() == {}


# --- The connection, lost at COMMIT ----------------------------------------------------------------------------------


@pytest.fixture
def cut_before_commit(market_db):
    """The server ends the session at the commit of a successful run."""
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION end_session() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER end_session AFTER UPDATE ON data_ingest_runs DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW WHEN (NEW.status = 'success') EXECUTE FUNCTION end_session();
        """)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION end_session() CASCADE")


def test_a_connection_lost_before_the_commit_stores_nothing(cut_before_commit, tmp_path):
    with pytest.raises(DatabaseFailure, match=r"connection to the database was lost .* so nothing of this file"):
        ingest_file(path=write(tmp_path / "mnq.dbn", bars()))

    assert "connection to the database was lost" in failed().error
    assert stored() == {}


def cut_after_second_commit(monkeypatch):
    """The first opens the run, the second stores the file."""
    original, number = connection._commit, itertools.count(1)

    def commit():
        original()
        if next(number) == 2:
            connection.connection.close()
            raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(connection, "_commit", commit)


def test_a_connection_lost_after_the_commit_is_a_success(market_db, tmp_path, monkeypatch):
    cut_after_second_commit(monkeypatch)

    run = ingest_file(path=write(tmp_path / "mnq.dbn", bars())).run

    assert counts(run) == (3, 3, 0, 0, 0)
    assert IngestRun.objects.get().status == "success"
    assert stored() == exact(bars())


def test_a_commit_whose_outcome_is_unknown_is_reported_as_such(market_db, tmp_path, monkeypatch):
    def refuse(*args):
        raise OperationalError("connection refused")

    cut_after_second_commit(monkeypatch)
    monkeypatch.setattr("ingestion.runs.close_as_failed", refuse)
    with pytest.raises(IngestError, match="it is not known whether the file was stored: run the command again"):
        ingest_file(path=write(tmp_path / "mnq.dbn", bars()))


def test_the_longest_gap_is_reported(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(10)[[0, 1, 3, 8, 9]])
    assert "Longest gap: 4 minutes after the bar of 2024-01-02 00:03 UTC." in ingest(path).out
    path = write(tmp_path / "weekend.dbn", bars(10_000)[[0, 2_941, 2_942, 9_999]])
    assert "Longest gap: 7,056 minutes (4.9 days) after the bar of 2024-01-04 01:02 UTC." in ingest(path).out
    assert "Longest gap" not in ingest(write(tmp_path / "complete.dbn", bars(3))).out


def test_a_limit_does_not_load_the_first_rows_of_a_damaged_file(market_db, tmp_path):
    path = write(tmp_path / "cut.dbn.zst", bars(400))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(IngestError, match="is cut off"):
        ingest_file(path=path, options=IngestOptions(limit=3))
    assert stored() == {}


def test_removing_withdrawn_bars_with_a_limit_is_refused(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(5))
    with pytest.raises(IngestError, match="leave --limit out"):
        ingest_file(path=path, options=IngestOptions(limit=3, remove_withdrawn=True))
    assert not IngestRun.objects.exists()


def test_replacing_an_instrument_with_a_limit_is_refused(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(9))
    with pytest.raises(IngestError, match="leave --limit out"):
        ingest_file(path=path, options=IngestOptions(limit=3, replace_instrument=True))


def test_rows_that_a_trigger_drops_are_detected(market_db, tmp_path):
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION drop_one() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RETURN CASE WHEN NEW.volume = 101 THEN NULL ELSE NEW END; END $$;
            CREATE TRIGGER drop_one BEFORE INSERT ON market_bars_ohlcv_1m FOR EACH ROW EXECUTE FUNCTION drop_one();
        """)
    try:
        for staged in (False, True):
            with pytest.raises(IngestError, match=r"look for a trigger|Another program changed"):
                ingest_file(path=write(tmp_path / "mnq.dbn", bars(5)), options=IngestOptions(replace_instrument=staged))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION drop_one() CASCADE")
    assert stored() == {}


def test_a_limited_or_incomplete_download_is_reported(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(3), limit=3, not_found=("MNQ.c.7",))
    out = ingest(path).out
    assert "limited to 3 rows and has as many: there may be more." in out
    assert "did not find 1 of the requested symbols: MNQ.c.7." in out
    out = ingest(write(tmp_path / "complete.dbn", bars(3), limit=4)).out
    assert "there may be more" not in out
    assert "did not find" not in out


def test_the_time_range_covers_all_series_of_a_file(market_db, tmp_path):
    parts = {
        "B": bars(3, first=1, instrument_id=2),
        "A": bars(6, instrument_id=1),
        "C": bars(2, first=2, instrument_id=3),
    }
    run = ingest_file(path=several(tmp_path / "many.dbn", parts)).run
    assert (run.min_ts, run.max_ts) == (MIDNIGHT, MIDNIGHT + timedelta(minutes=5))
