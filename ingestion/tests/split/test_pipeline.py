"""Bars move to the series of their contracts, with their runs, their earlier values and their instruments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.db import connection

from config.testing.earlier_version import build_history
from config.testing.rollup import assert_rollup_matches
from ingestion.split.pipeline import preview_split, split_contracts
from ingestion.undo.pipeline import preview_undo, undo_run
from marketdata.bars.as_of import read_bar_page_as_of
from marketdata.models import Bar, BarRevision, IngestRun, Series, SeriesInstrument
from marketdata.rollup.verify import verify_candles

pytestmark = pytest.mark.ordinary_role

CONTRACTS = {"NQH5": ("NQH2015", "NQH2025"), "NQM5": ("NQM2015", "NQM2025")}


def name_contract(symbol: str, ts: datetime) -> str:
    """The contract of a bar of the history, the slow and obvious way."""
    if symbol not in CONTRACTS:
        return symbol
    return CONTRACTS[symbol][0] if ts.year < 2020 else CONTRACTS[symbol][1]


def keep_name(symbol: str, ts: datetime) -> str:
    return symbol


def list_bars(name: Callable[[str, datetime], str] = keep_name) -> list[tuple]:
    columns = ("symbol", "ts", "ts_ms", "open", "high", "low", "close", "volume", "ingestion_run_id", "created_at")
    return sorted((name(symbol, ts), ts, *values) for symbol, ts, *values in Bar.objects.values_list(*columns))


def list_revisions(name: Callable[[str, datetime], str] = keep_name) -> list[tuple]:
    columns = ("symbol", "ts", "volume", "close", "operation", "created_at", "ingestion_run_id", "revised_by_id",
               "revised_at")  # fmt: skip
    rows = BarRevision.objects.values_list(*columns)
    return sorted((name(symbol, ts), ts, *values) for symbol, ts, *values in rows)


def list_instruments(name: Callable[[str, datetime], str] = keep_name) -> list[tuple]:
    """Each date of each row of instruments."""
    found = []
    for row in SeriesInstrument.objects.select_related("series"):
        for ordinal in range(row.start_date.toordinal(), row.end_date.toordinal()):
            day = datetime.combine(date.fromordinal(ordinal), datetime.min.time(), UTC)
            symbol = name(row.series.symbol, day)
            found.append((symbol, day, row.instrument_id, row.run_id, row.replaced_by_id or 0, row.from_mapping))
    return sorted(found)


def read_all(name: Callable[[str, datetime], str] = keep_name) -> tuple:
    return list_bars(name), list_revisions(name), list_instruments(name)


def dump_tables() -> list:
    """Every row of every table that a split may write, except runs. Price steps follow from the bars."""
    rows = [table.objects.values() for table in (Bar, BarRevision, SeriesInstrument, Series)]
    return [sorted(repr(row | {"price_step": None}) for row in table) for table in rows]


def list_run_symbols() -> dict[int, list[str]]:
    return dict(IngestRun.objects.filter(moves__isnull=True).values_list("pk", "symbols"))


def list_moments() -> list[datetime]:
    return [*IngestRun.objects.filter(finished_at__isnull=False).order_by("pk").values_list("finished_at", flat=True)]


def read_as_of(moment: datetime, name: Callable[[str, datetime], str] = keep_name) -> list[tuple]:
    """The bars of all series as of a moment, read in pages of two."""
    found = []
    for series in Series.objects.all():
        after = None
        while True:
            page, after = read_bar_page_as_of(
                series, as_of=moment, start=None, end=None, after=after, descending=False, limit=2
            )
            found += [(name(series.symbol, row.ts), *row) for row in page]
            if after is None:
                break
    return sorted(found)


def assert_candles_agree() -> None:
    assert_rollup_matches()
    assert [result.symbol for result in verify_candles() if result.difference_count] == []


def test_each_contract_gets_its_bars_revisions_and_instruments(market_db, tmp_path):
    build_history(tmp_path)
    expected, moments = read_all(name_contract), list_moments()
    expected_as_of = [read_as_of(moment, name_contract) for moment in moments]

    result = split_contracts()

    assert result.run is not None
    assert read_all() == expected
    assert [read_as_of(moment) for moment in moments] == expected_as_of
    assert any(expected_as_of)
    assert_candles_agree()
    assert sorted(Series.objects.exclude(slug="mnq").values_list("symbol", "slug")) == [
        ("NQH2015", "nqh2015"), ("NQH2025", "nqh2025"), ("NQM2015", "nqm2015"),
    ]  # fmt: skip


def test_the_run_counts_what_moved(market_db, tmp_path):
    build_history(tmp_path)
    bars = Bar.objects.count()
    preview = preview_split()
    run = IngestRun.objects.get(pk=split_contracts().run.pk)
    assert (run.kind, run.status, run.row_count, run.updated_count, run.changed_count) == (
        "split", "success", bars, bars, bars,
    )  # fmt: skip
    assert (run.inserted_count, run.removed_count, run.file_sha256, run.file_path) == (0, 0, "", "")
    assert preview.bars == bars
    assert [(move["from"], move["to"], move["start"], move["end"]) for move in run.moves] == [
        ("NQH5", "NQH2015", "2014-12-01", "2015-01-06"),
        ("NQH5", "NQH2025", "2024-12-02", "2024-12-06"),
        ("NQM5", "NQM2015", "2014-12-01", "2015-06-02"),
    ]
    assert sum(move["bars"] for move in run.moves) == bars


def test_the_contracts_are_described(market_db, tmp_path):
    build_history(tmp_path)
    Series.objects.filter(symbol="NQH5").update(name="Nasdaq", calendar="CME Globex Equity", tick_size="0.25")
    split_contracts()
    series = Series.objects.get(symbol="NQH2025")
    assert (series.kind, series.root, series.contract_month, series.contract_year, series.is_settled) == (
        "outright", "NQ", 3, 2025, True,
    )  # fmt: skip
    assert (series.last_date, series.dataset, series.vendor_symbols) == (date(2025, 3, 31), "GLBX.MDP3", [])
    assert (series.name, series.calendar, str(series.tick_size)) == ("Nasdaq", "CME Globex Equity", "0.250000000")
    assert set(SeriesInstrument.objects.filter(series=series).values_list("raw_symbol", flat=True)) == {"NQH5"}


def test_runs_name_the_contracts_that_they_wrote(market_db, tmp_path):
    first, new, both, replacing, undone, other = build_history(tmp_path)
    split_contracts()
    symbols = list_run_symbols()
    assert symbols[first] == ["NQH2015", "NQM2015"]
    assert symbols[new] == symbols[replacing] == ["NQH2025"]
    assert symbols[both] == ["NQH2015", "NQH2025"]
    assert symbols[undone] == symbols[IngestRun.objects.get(undoes=undone).pk] == ["NQH2015"]
    assert symbols[other] == ["NQM2015"]


def test_a_preview_changes_nothing(market_db, tmp_path):
    build_history(tmp_path)
    before = dump_tables(), IngestRun.objects.count()
    preview_split()
    preview_split(slugs=["nqh5"])
    assert (dump_tables(), IngestRun.objects.count()) == before


def test_a_second_split_has_nothing_to_do(market_db, tmp_path):
    build_history(tmp_path)
    split_contracts()
    before = dump_tables(), IngestRun.objects.count()
    result = split_contracts()
    assert (result.splits, result.refused, result.run) == ([], [], None)
    assert (dump_tables(), IngestRun.objects.count()) == before


def test_only_the_given_series_is_split(market_db, tmp_path):
    build_history(tmp_path)
    split_contracts(slugs=["NQH5"])
    assert set(Bar.objects.values_list("symbol", flat=True)) == {"NQH2015", "NQH2025", "NQM5"}
    assert_candles_agree()


# --- Undo ------------------------------------------------------------------------------------------------------------


def test_an_undo_moves_everything_back(market_db, tmp_path):
    build_history(tmp_path)
    before, symbols, moments = dump_tables(), list_run_symbols(), list_moments()
    as_of = [read_as_of(moment) for moment in moments]
    split = split_contracts().run

    preview = preview_undo(run_id=split.pk)
    undone = undo_run(run_id=split.pk)

    assert dump_tables() == before
    assert list_run_symbols() == symbols
    assert [read_as_of(moment) for moment in moments] == as_of
    assert preview.counts == undone.counts
    assert (undone.counts.changed_back, undone.counts.removed) == (split.row_count, 0)
    assert_candles_agree()


def test_a_split_that_was_undone_can_be_repeated(market_db, tmp_path):
    build_history(tmp_path)
    split = split_contracts().run
    expected = read_all(), list_run_symbols()
    undo_run(run_id=split.pk)
    split_contracts()
    assert (read_all(), list_run_symbols()) == expected
    assert_candles_agree()


@pytest.mark.parametrize("number", [0, 1, 2, 3, 5])
def test_earlier_runs_are_undone_as_before(market_db, tmp_path, number):
    """Undone after the split, a run leaves what it would have left before."""
    run = build_history(tmp_path)[number]
    split = split_contracts().run
    after = undo_run(run_id=run)
    bars, symbols = list_bars(), list_instruments()
    assert_candles_agree()

    undo_run(run_id=split.pk)
    assert_candles_agree()
    returned = list_bars(name_contract), list_instruments(name_contract)
    assert returned == (bars, symbols)

    folder = tmp_path / "again"
    folder.mkdir()
    shift = _rebuild(folder)[number] - run
    before = undo_run(run_id=run + shift)
    assert before.counts == after.counts
    assert before.skipped.count == after.skipped.count
    assert _without_times(list_bars(name_contract), shift) == _without_times(bars, 0)


def _rebuild(folder: Path) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE market_bars_ohlcv_1m, market_bar_revisions, market_series_instruments, data_ingest_runs"
        )
    Series.objects.exclude(slug="mnq").delete()
    return build_history(folder)


def _without_times(bars: list[tuple], shift: int) -> list[tuple]:
    return [(*bar[:8], bar[8] - shift) for bar in bars]


def test_a_contract_has_the_calendar_of_its_product_unless_the_series_has_one(market_db, tmp_path):
    build_history(tmp_path)
    Series.objects.filter(symbol="NQH5").update(calendar="")
    Series.objects.filter(symbol="NQM5").update(calendar="NYSE")
    split_contracts()
    calendars = dict(Series.objects.filter(symbol__startswith="NQ").values_list("symbol", "calendar"))
    assert calendars["NQH2015"] == calendars["NQH2025"] == "CME Globex Equity"
    assert calendars["NQM2015"] == "NYSE"
