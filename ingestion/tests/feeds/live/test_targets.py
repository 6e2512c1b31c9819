"""The files of a batch: `ingest_file` loads each of them as it loads a download."""

from datetime import UTC, date, datetime

import pytest

from ingestion.errors import IngestError
from ingestion.feeds.live.messages import Subscription
from ingestion.feeds.live.minutes.clock import HOUR, MINUTE
from ingestion.feeds.live.spool import (
    SUFFIX,
    SessionSpool,
    find_next_number,
    list_batches,
    list_quarantined,
    make_key,
    prepare_spool,
    split_batch,
)
from ingestion.feeds.live.targets import Targets
from ingestion.pipeline import ingest_file
from ingestion.tests.feeds.live.receiving import read_batch
from ingestion.tests.feeds.live.test_minutes import T0, make_bar
from marketdata.models import Bar, IngestRun, Series, SeriesInstrument

MNQ, ES, SPREAD = 20650, 31415, 42000
AT = datetime(2026, 11, 18, 15, 0, 0, 123456, tzinfo=UTC)


def subscribe(symbol, feed_symbol, feed_stype, vendor_symbol=None, **bounds):
    stype = "raw_symbol" if feed_stype == "continuous" else feed_stype
    return Subscription(1, symbol, feed_symbol, feed_stype, vendor_symbol or feed_symbol, stype, **bounds)


CONTINUOUS_MNQ = subscribe("CME_MINI:MNQ1!", "MNQ.c.0", "continuous", "MNQZ6")
CONTINUOUS_ES = subscribe("CME_MINI:ES1!", "ES.c.0", "continuous", "ESZ6")


def make_targets(*subscriptions, mappings=((MNQ, "MNQZ6", "MNQZ6"), (ES, "ESZ6", "ESZ6"))):
    targets = Targets("GLBX.MDP3", subscriptions)
    for mapping in mappings:
        targets.add_mapping(*mapping)
    return targets


@pytest.fixture
def spool(tmp_path):
    prepare_spool(tmp_path)
    return SessionSpool(tmp_path, "GLBX.MDP3", make_key(find_next_number(tmp_path), AT))


def load(spool, targets, bars, start=T0):
    """The runs of the files with these bars."""
    return [ingest_file(path=spool.write_batch(file)).run for file in targets.build_files(bars, start)]


@pytest.fixture
def es(market_db):
    return Series.objects.create(slug="es", symbol="CME_MINI:ES1!", dataset="GLBX.MDP3", calendar="CME_Equity")


def test_continuous_series_share_a_file(es, spool):
    targets = make_targets(CONTINUOUS_MNQ, CONTINUOUS_ES)
    (run,) = load(spool, targets, [make_bar(0, MNQ), make_bar(0, ES), make_bar(1, ES)])
    assert (run.status, run.row_count) == ("success", 3)
    assert set(Bar.objects.filter(ingestion_run=run).values_list("symbol", flat=True)) == {
        "CME_MINI:MNQ1!",
        "CME_MINI:ES1!",
    }
    assert not Series.objects.exclude(pk__in=[es.pk, *Series.objects.filter(slug="mnq").values_list("pk", flat=True)])


def test_a_minute_later_nothing_counts_as_withdrawn_and_no_dates_are_added(es, spool):
    targets = make_targets(CONTINUOUS_MNQ, CONTINUOUS_ES)
    load(spool, targets, [make_bar(0, MNQ), make_bar(0, ES)])
    count = SeriesInstrument.objects.count()
    (run,) = load(spool, targets, [make_bar(1, MNQ)])
    (late,) = load(spool, targets, [make_bar(0, ES), make_bar(2, ES)])
    assert (run.withdrawn_count, run.inserted_count) == (0, 1)
    assert (late.withdrawn_count, late.inserted_count, late.changed_count) == (0, 1, 0)
    assert SeriesInstrument.objects.count() == count
    mapped = SeriesInstrument.objects.filter(from_mapping=True).values_list("start_date", "end_date")
    assert set(mapped) == {(date(2026, 11, 18), date(2026, 11, 19))}


def test_one_series_is_not_that_of_a_pattern(es, spool):
    """With one symbol in its metadata a file would belong to a series that claims it."""
    Series.objects.create(slug="all", symbol="ALL", vendor_symbols=["*"])
    (run,) = load(spool, make_targets(CONTINUOUS_ES), [make_bar(0, ES)])
    assert Bar.objects.get(ingestion_run=run).symbol == "CME_MINI:ES1!"


def test_raw_and_parent_symbols_keep_the_identity_of_contracts(es, spool):
    targets = make_targets(
        CONTINUOUS_MNQ,
        subscribe("MNQZ2026", "MNQZ6", "raw_symbol"),
        subscribe("ES.FUT", "ES.FUT", "parent"),
        mappings=[(MNQ, "MNQZ6", "MNQZ6"), (ES, "ES.FUT", "ESZ6"), (SPREAD, "ES.FUT", "ESZ6-ESH7")],
    )
    runs = load(spool, targets, [make_bar(0, MNQ), make_bar(0, ES), make_bar(0, SPREAD, price=-5)])
    symbols = [sorted(Bar.objects.filter(ingestion_run=run).values_list("symbol", flat=True)) for run in runs]
    assert symbols == [["CME_MINI:MNQ1!"], ["MNQZ2026"], ["ESZ2026", "ESZ2026-ESH2027"]]
    raw = SeriesInstrument.objects.filter(series__symbol="MNQZ2026").values_list("raw_symbol", flat=True)
    assert set(raw) == {"MNQZ6"}


def test_a_roll_within_a_replay(es, spool):
    midnight = T0 + 9 * HOUR
    targets = make_targets(
        subscribe("CME_MINI:MNQ1!", "MNQ.c.0", "continuous", "MNQZ6", end_ns=midnight),
        subscribe("CME_MINI:MNQ1!", "MNQ.c.0", "continuous", "MNQH7", from_ns=midnight),
        mappings=[(MNQ, "MNQZ6", "MNQZ6"), (MNQ + 1, "MNQH7", "MNQH7")],
    )
    bars = [make_bar(539, MNQ), make_bar(539, MNQ + 1), make_bar(540, MNQ), make_bar(540, MNQ + 1)]
    assert [targets.is_wanted(bar) for bar in bars] == [True, False, False, True]
    (run,) = load(spool, targets, bars)
    rows = SeriesInstrument.objects.filter(run=run, from_mapping=False).order_by("start_date")
    assert list(rows.values_list("instrument_id", "start_date")) == [
        (MNQ, date(2026, 11, 18)),
        (MNQ + 1, date(2026, 11, 19)),
    ]
    assert run.row_count == 2


def test_two_series_of_one_contract_and_two_publishers_have_files_of_their_own():
    targets = make_targets(CONTINUOUS_MNQ, subscribe("MNQ_BY_VOLUME", "MNQ.v.0", "continuous", "MNQZ6"))
    files = targets.build_files([make_bar(0, MNQ), make_bar(1, MNQ, publisher_id=2)], T0)
    symbols = [(sorted(file.header.mappings), set(file.records["publisher_id"].tolist())) for file in files]
    assert sorted(map(str, symbols)) == sorted(
        str(([name], {publisher})) for name in ("CME_MINI:MNQ1!", "MNQ_BY_VOLUME") for publisher in (1, 2)
    )


def test_a_symbol_that_metadata_cannot_have_is_replaced_by_the_vendors(tmp_path):
    targets = make_targets(subscribe("Größe", "MNQ.c.0", "continuous", "MNQZ6"))
    (file,) = targets.build_files([make_bar(0, MNQ)], None)
    assert (list(file.header.symbols), list(file.header.mappings)) == (["MNQ.c.0"], ["MNQ.c.0"])
    assert file.header.start == T0
    assert targets.list_unresolved() == ()
    assert make_targets(CONTINUOUS_ES, mappings=()).list_unresolved() == ("ESZ6",)


def test_a_refused_batch_is_divided_by_series(es, spool, tmp_path):
    """Another instrument is stored for ES on this date; MNQ must not wait for it."""
    load(spool, make_targets(CONTINUOUS_ES, mappings=[(777, "ESZ6", "ESZ6")]), [make_bar(0, 777)])
    targets = make_targets(CONTINUOUS_MNQ, CONTINUOUS_ES)
    (file,) = targets.build_files([make_bar(1, MNQ), make_bar(1, ES), make_bar(2, MNQ)], T0)
    path = spool.write_batch(file)
    with pytest.raises(IngestError, match="maps CME_MINI:ES1!"):
        ingest_file(path=path)
    parts = split_batch(path)
    assert not path.exists()
    with pytest.raises(IngestError, match="maps CME_MINI:ES1!"):
        ingest_file(path=parts[0])
    run = ingest_file(path=parts[1]).run
    assert set(Bar.objects.filter(ingestion_run=run).values_list("symbol", flat=True)) == {"CME_MINI:MNQ1!"}
    assert run.row_count == 2
    assert split_batch(parts[1]) == [parts[1]]
    assert IngestRun.objects.filter(status="failed").count() == 2


def test_files_sort_as_they_were_written(tmp_path, spool):
    bars = [make_bar(minute, MNQ) for minute in (5, 3, 4)]
    targets = make_targets(CONTINUOUS_MNQ)
    written = [spool.write_batch(targets.build_files([bar], T0)[0]) for bar in bars]
    later = SessionSpool(tmp_path, "GLBX.MDP3", make_key(find_next_number(tmp_path), AT.replace(year=2020)))
    written.append(later.write_batch(targets.build_files([make_bar(0, MNQ)], T0)[0]))
    refused = later.write_quarantined(make_bar(1, 99).raw, "It is of no series.")
    (tmp_path / f"half{SUFFIX}.part").write_bytes(b"x")
    (tmp_path / f"other{SUFFIX}").write_bytes(b"x")
    assert [file.path for file in list_batches(tmp_path)] == written
    assert {file.started_at for file in list_batches(tmp_path)} == {AT, AT.replace(year=2020)}
    (kept,) = list_quarantined(tmp_path)
    assert (kept.path, kept.reason, kept.dataset) == (refused, "It is of no series.", "GLBX.MDP3")
    prepare_spool(tmp_path)
    assert not list(tmp_path.glob("*.part"))
    metadata, records = read_batch(written[0])
    assert (metadata.start, metadata.end, records["ts_event"].tolist()) == (T0, None, [T0 + 5 * MINUTE])


def test_a_name_that_no_session_gives_is_not_a_batch(tmp_path, spool):
    for started in ("20261399T181359123456Z", "20261127T186959123456Z"):
        (tmp_path / f"00000001-{started}-00000001-GLBX.MDP3-20261125T1500{SUFFIX}").touch()
    assert not list_batches(tmp_path)
