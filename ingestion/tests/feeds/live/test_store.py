"""Batches of the spool: stored once, and a refused one stays with its reason."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from config.testing.database.archive import archive
from config.testing.feeds.times import MINUTE, to_ns
from ingestion.dbn.writer import Header, empty_records, write_dbn
from ingestion.errors import DatabaseUnavailable
from ingestion.feeds.live import store
from ingestion.feeds.live.messages import Subscription
from ingestion.feeds.live.spool import SessionSpool, list_batches, list_quarantined, make_key
from ingestion.feeds.live.targets import Targets
from ingestion.tests.feeds.live.test_minutes import ONE, T0, make_bar
from marketdata.models import Bar, FeedSession, IngestRun, Series

DAY = date(2026, 11, 25)
START = to_ns("2026-11-25T15:00")


@pytest.fixture
def session(live_db):
    Series.objects.create(slug="mes", symbol="CME_MINI:MES1!", dataset="GLBX.MDP3")
    return FeedSession.objects.create(dataset="GLBX.MDP3", started_at=datetime.now(UTC)).pk


@pytest.fixture
def folder(session, tmp_path, settings):
    settings.FEED_DIR = tmp_path
    return store.live_folder()


def spool(folder, number=1, *, mnq=(42, 5), mes=(43, 7), dataset="GLBX.MDP3"):
    """A batch of one minute of two series: instrument and volume of each."""
    rows = empty_records(2)
    rows["ts_event"] = START + number * MINUTE
    rows["instrument_id"], rows["volume"] = [mnq[0], mes[0]], [mnq[1], mes[1]]
    for name in ("open", "high", "low", "close"):
        rows[name] = 20_000 * 10**9
    stop = date(2026, 11, 26)
    mappings = {"CME_MINI:MNQ1!": [(DAY, stop, mnq[0])], "CME_MINI:MES1!": [(DAY, stop, mes[0])]}
    header = Header(symbols=[*mappings, "MNQ.c.0"], mappings=mappings, start=to_ns(DAY), end=None, dataset=dataset)
    key = make_key(1, datetime(2026, 11, 25, tzinfo=UTC))
    return write_dbn(folder / f"{key}-{number:08}-GLBX.MDP3-20261125T1500.ohlcv-1m.dbn", header, rows)


def list_stored():
    return sorted(Bar.objects.values_list("symbol", "volume"))


def test_a_stored_batch_is_removed(folder, session):
    path = spool(folder)
    assert [one.path for one in list_batches(folder)] == [path]
    stored = store.store_batch(path, session)
    assert (stored.bars, stored.inserted, stored.refused) == (2, 2, [])
    assert not path.exists()
    run = IngestRun.objects.get()
    assert (run.kind, run.feed_session_id, run.status) == ("live", session, "success")


def test_bars_of_an_archived_year_do_not_keep_the_others_out(folder, session, tmp_path):
    """A replay begins at the last stored minute, which may be before New Year."""
    rows, stop = empty_records(4), date(2026, 1, 2)
    rows["ts_event"] = to_ns("2025-12-31T23:58") + np.arange(4) * MINUTE
    rows["instrument_id"], rows["volume"] = 42, [1, 2, 3, 4]
    for name in ("open", "high", "low", "close"):
        rows[name] = 20_000 * 10**9
    header = Header(
        symbols=["CME_MINI:MNQ1!", "MNQ.c.0"], mappings={"CME_MINI:MNQ1!": [(date(2025, 12, 31), stop, 42)]},
        start=to_ns("2025-12-31T23:58"), end=None, dataset="GLBX.MDP3",
    )  # fmt: skip
    name = f"{make_key(1, datetime(2026, 1, 1, tzinfo=UTC))}-00000001-GLBX.MDP3-20251231T2358.ohlcv-1m.dbn"
    store.store_batch(write_dbn(folder / name, header, rows[:1]), session)
    archive(2025, tmp_path / "lake")
    stored = store.store_batch(write_dbn(folder / name, header, rows), session)
    assert (stored.bars, len(stored.refused)) == (2, 1)
    assert "has bars of 2025, which is archived in the lake: run restore_year 2025 first" in stored.refused[0]
    assert list_stored() == [("CME_MINI:MNQ1!", 3), ("CME_MINI:MNQ1!", 4)]
    (kept,) = list_quarantined(folder)
    assert kept.reason == stored.refused[0]
    assert kept.path.read_bytes().endswith(rows[:2].tobytes())
    assert list_batches(folder) == []


def test_a_batch_that_was_stored_before_a_crash_changes_nothing(folder, session, tmp_path):
    path = spool(folder)
    content = path.read_bytes()
    store.store_batch(path, session)
    path.write_bytes(content)
    assert store.store_batch(path, session).inserted == 0
    assert list_stored() == [("CME_MINI:MES1!", 7), ("CME_MINI:MNQ1!", 5)]


def test_a_refused_symbol_does_not_take_its_neighbour_with_it(folder, session):
    store.store_batch(spool(folder, 1), session)
    stored = store.store_batch(spool(folder, 2, mnq=(99, 6)), session)  # another contract of the same day
    assert (stored.bars, len(stored.refused)) == (1, 1)
    assert list_stored() == [("CME_MINI:MES1!", 7), ("CME_MINI:MES1!", 7), ("CME_MINI:MNQ1!", 5)]
    kept = list_quarantined(folder)
    assert [one.reason for one in kept] == stored.refused
    run = IngestRun.objects.filter(file_path=str(kept[0].path)).get()
    assert (run.status, run.error) == ("failed", stored.refused[0])
    assert list_batches(folder) == []


def test_a_database_that_is_away_leaves_the_file(folder, session, monkeypatch):
    path = spool(folder)

    def fail(**arguments):
        raise DatabaseUnavailable("The database does not answer.")

    with monkeypatch.context() as patched, pytest.raises(DatabaseUnavailable):
        patched.setattr(store, "ingest_file", fail)
        store.store_batch(path, session)
    assert path.exists()
    assert store.store_batch(path, session).bars == 2


def test_an_interrupted_attempt_leaves_one_run(folder, session):
    path = spool(folder)
    IngestRun.objects.create(
        kind="live", status="failed", error="The process died.", file_name=path.name, file_path=str(path.absolute()),
        feed_session_id=session, started_at=datetime.now(UTC), finished_at=datetime.now(UTC),
    )  # fmt: skip
    store.store_batch(path, session)
    assert IngestRun.objects.get().status == "success"


def test_a_quarantined_record_has_one_failed_run(folder, session):
    path = folder / "quarantine" / "00000001-20261125T000000000000Z-00000001-GLBX.MDP3-refused.ohlcv-1m.dbn"
    path.write_bytes(b"x")
    for _ in range(2):
        store.record_quarantined(path, session, "The record has a high that is below another of its prices.")
    run = IngestRun.objects.get()
    assert (run.status, run.kind, run.feed_session_id, run.file_path) == ("failed", "live", session, str(path))


@pytest.mark.parametrize("content", [b"", b"no file of bars", b"DBN\x03\xff\xff\xff\x7f" + bytes(99), "cut"])
def test_a_file_that_is_no_batch_is_kept_and_does_not_stop_the_others(folder, session, content):
    path, other = spool(folder, 1), spool(folder, 2)
    path.write_bytes(path.read_bytes()[:-30] if content == "cut" else content)
    (folder / other.name.replace("-00000002-", "-00000003-")).mkdir()
    batches = list_batches(folder)
    assert [one.path for one in batches] == [path, other]
    assert [store.store_batch(one.path, session).bars for one in batches] == [0, 2]
    assert [one.path.name for one in list_quarantined(folder)] == [path.name]
    assert IngestRun.objects.get(status="failed").file_path == str(list_quarantined(folder)[0].path)


@pytest.mark.parametrize(
    "claims, stored_in",
    [(["BRK.B"], "BRK.B@XNYS"), (["BRK.*"], "BRK.B@XNYS"), ([], "BRK.B"), (["AAPL"], "BRK.B")],
)
def test_a_claimed_raw_symbol_is_stored_where_its_history_is(folder, session, claims, stored_in):
    """Also if a series of another dataset has the same symbol."""
    own = {"dataset": "XNYS.PILLAR", "feed_symbol": "BRK.B", "feed_stype": "raw_symbol"}
    Series.objects.create(slug="brk", symbol="BRK.B@XNYS", vendor_symbols=claims, **own)
    if stored_in != "BRK.B":
        Series.objects.create(slug="brk-b", symbol="BRK.B", vendor_symbols=["BRK.B"], dataset="XNAS.ITCH")
    subscription = Subscription(1, "BRK.B@XNYS", "BRK.B", "raw_symbol", "BRK.B", "raw_symbol")
    targets = Targets("XNYS.PILLAR", [subscription])
    targets.add_mapping(ONE, "BRK.B", "BRK.B")
    (file,) = targets.build_files([make_bar(0)], T0)
    path = SessionSpool(folder, "XNYS.PILLAR", make_key(1, datetime(2026, 11, 25, tzinfo=UTC))).write_batch(file)
    stored = store.store_batch(path, session)
    assert (stored.refused, [symbol for symbol, _ in list_stored()]) == ([], [stored_in])
