"""Shapes of stored series: cut rows, opaque symbols, dates without instruments, series that exist already."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from config.testing.earlier_version import (
    GLOBEX,
    NQH2015,
    NQH2025,
    OTHER_NQH2025,
    WHOLE,
    age_database,
    contract_bars,
    load,
    map_always,
)
from config.testing.rollup import assert_rollup_matches
from ingestion.errors import InputError
from ingestion.split.pipeline import preview_split, split_contracts
from ingestion.tests.split.test_pipeline import dump_tables, list_bars, list_moments, list_run_symbols, read_as_of
from ingestion.undo.pipeline import undo_run
from marketdata.models import Bar, BarRevision, IngestRun, Series, SeriesInstrument

OLD, NEW = date(2014, 12, 1), date(2024, 12, 2)
DAY = timedelta(days=1)

pytestmark = pytest.mark.ordinary_role


def list_rows() -> list[tuple]:
    rows = SeriesInstrument.objects.order_by("series__symbol", "start_date", "instrument_id")
    return list(rows.values_list("series__symbol", "instrument_id", "start_date", "end_date", "raw_symbol"))


def count_by_symbol() -> dict[str, int]:
    symbols = list(Bar.objects.values_list("symbol", flat=True))
    return {symbol: symbols.count(symbol) for symbol in symbols}


def assert_undo_restores(before: list) -> None:
    undo_run(run_id=IngestRun.objects.filter(kind="split").latest("pk").pk)
    assert dump_tables() == before
    assert_rollup_matches()


def test_a_row_that_spans_two_contracts_is_cut(market_db, tmp_path):
    """An id that was used again after ten years, in one file."""
    load(tmp_path, map_always("NQH5", 7), contract_bars(7, OLD), contract_bars(7, NEW))
    age_database()
    before = dump_tables()
    split_contracts()
    assert list_rows() == [
        ("NQH2015", 7, OLD, NEW, "NQH5"),
        ("NQH2025", 7, NEW, NEW + DAY, "NQH5"),
    ]
    assert count_by_symbol() == {"NQH2015": 3, "NQH2025": 3}
    assert_undo_restores(before)


def test_other_instruments_of_an_opaque_symbol_move(market_db, tmp_path):
    symbol = "UD:1V: VT 1"
    for number, day in ((5, OLD), (4, OLD + DAY), (5, OLD + 2 * DAY)):
        load(tmp_path, map_always(symbol, number), contract_bars(number, day))
    age_database()
    before, pk = dump_tables(), Series.objects.get(symbol=symbol).pk
    split_contracts()
    assert count_by_symbol() == {symbol: 6, f"{symbol} #4": 3}
    assert Series.objects.get(symbol=symbol).pk == pk
    assert list(list_run_symbols().values()) == [[symbol], [f"{symbol} #4"], [symbol]]
    assert_undo_restores(before)


def test_a_replaced_opaque_instrument_stays_with_the_one_that_replaced_it(market_db, tmp_path):
    """The undo of the replacing run restores its bars there."""
    symbol = "UD:1V: VT 1"
    load(tmp_path, map_always(symbol, 5), contract_bars(5, OLD), contract_bars(5, OLD + DAY))
    replacing = load(
        tmp_path, map_always(symbol, 4), contract_bars(4, OLD + DAY, first=601, base=5_000), replace_instrument=True
    )
    age_database()
    before = dump_tables()
    split_contracts()
    assert count_by_symbol() == {symbol: 3, f"{symbol} #4": 3}
    undone = undo_run(run_id=replacing.pk)
    assert (undone.counts.removed, undone.counts.changed_back, undone.counts.restored) == (1, 2, 1)
    assert count_by_symbol() == {symbol: 3, f"{symbol} #4": 3}
    again = split_contracts()
    assert [(split.symbol, split.targets) for split in again.splits] == [(f"{symbol} #4", [symbol])]
    assert count_by_symbol() == {symbol: 6}
    assert_rollup_matches()
    assert before != dump_tables()


def test_bars_that_no_instrument_explains_belong_to_the_contract_of_their_date(market_db, tmp_path):
    load(tmp_path, map_always("NQH5", NQH2015), contract_bars(NQH2015, OLD))
    run = load(tmp_path, map_always("NQH5", NQH2025), contract_bars(NQH2025, NEW))
    age_database()
    dates = {
        date(2014, 11, 3): "NQH2015",  # before all others
        date(2015, 3, 5): "NQH2015",
        date(2015, 5, 5): "NQH2015",  # too late, but nearer than the next
        date(2017, 1, 4): "NQH2025",
        date(2025, 1, 6): "NQH2025",
    }
    for day in dates:
        ts = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        Bar.objects.create(
            symbol="NQH5", ts=ts, ts_ms=int(ts.timestamp()) * 1000, open=1, high=3, low=1, close=2, volume=1,
            ingestion_run_id=run.pk,
        )  # fmt: skip
    before = dump_tables()
    split_contracts()
    found = {ts.date(): symbol for symbol, ts in Bar.objects.filter(close=2).values_list("symbol", "ts")}
    assert found == dates
    assert not Series.objects.filter(symbol="NQH5").exists()
    assert_undo_restores(before)


def test_a_contract_of_which_only_earlier_values_are_left_gets_a_series(market_db, tmp_path):
    """A read as of a time before the undo finds its bars there."""
    first = load(tmp_path, map_always("NQH5", NQH2015), contract_bars(NQH2015, OLD))
    load(tmp_path, map_always("NQH5", NQH2025), contract_bars(NQH2025, NEW))
    undo_run(run_id=first.pk)
    age_database()
    moments = list_moments()
    expected = [sorted(row[1:] for row in read_as_of(moment)) for moment in moments]
    split_contracts()
    assert [sorted(row[1:] for row in read_as_of(moment)) for moment in moments] == expected
    assert {row[0] for row in read_as_of(moments[0])} == {"NQH2015"}
    assert count_by_symbol() == {"NQH2025": 3}
    assert set(BarRevision.objects.values_list("symbol", flat=True)) == {"NQH2015"}


def test_a_series_without_bars_is_not_split(market_db, tmp_path):
    load(tmp_path, map_always("NQH5", NQH2015), contract_bars(NQH2015, OLD))
    age_database()
    undo_run(run_id=IngestRun.objects.get().pk)
    result = split_contracts(slugs=["nqh5"])
    assert (result.splits, [series.slug for series in result.unchanged]) == ([], ["nqh5"])


def test_bars_that_were_deleted_by_hand_leave_a_series_to_rename(market_db, tmp_path):
    load(tmp_path, map_always("NQH5", NQH2015), contract_bars(NQH2015, OLD))
    age_database()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM market_bars_ohlcv_1m")
    before = dump_tables()
    run = split_contracts().run
    assert (run.row_count, run.symbols, run.min_ts) == (0, ["NQH2015", "NQH5"], datetime(2014, 12, 1, tzinfo=UTC))
    assert_undo_restores(before)


# --- Series that exist already ---------------------------------------------------------------------------------------


def build_with_current(folder, *days: date, number: int = NQH2025) -> None:
    """NQH5 of an earlier version, and NQH2025 as this version stores it."""
    load(folder, map_always("NQH5", NQH2015), contract_bars(NQH2015, OLD))
    load(folder, map_always("NQH5", NQH2025), contract_bars(NQH2025, NEW), contract_bars(NQH2025, NEW + 2 * DAY))
    age_database()
    parts = [contract_bars(number, day) for day in days]
    load(folder, map_always("NQH2025", number), *parts, dataset=GLOBEX, symbol="NQH2025")
    SeriesInstrument.objects.filter(series__symbol="NQH2025").update(raw_symbol="NQH5")
    Series.objects.filter(symbol="NQH2025").update(kind="outright", root="NQ", contract_month=3, contract_year=2025)


@pytest.mark.parametrize("between", [[], [NEW + DAY], [NEW + DAY, NEW + 9 * DAY]])
def test_bars_join_a_series_of_the_contract_on_other_dates(market_db, tmp_path, between):
    build_with_current(tmp_path, NEW - DAY, *between)
    before, symbols, moments = dump_tables(), list_run_symbols(), list_moments()
    as_of = [read_as_of(moment) for moment in moments]
    split_contracts()
    assert count_by_symbol() == {"NQH2015": 3, "NQH2025": 9 + 3 * len(between)}
    assert_rollup_matches()
    assert [sorted(row[1:] for row in read_as_of(moment)) for moment in moments] == [
        sorted(row[1:] for row in rows) for rows in as_of
    ]
    split = IngestRun.objects.get(kind="split")
    assert_undo_restores(before)
    assert list_run_symbols() == symbols
    assert [read_as_of(moment) for moment in moments] == as_of
    assert split.status == "success"


@pytest.mark.parametrize("same", [True, False])
def test_bars_of_one_date_do_not_join_and_other_series_are_split(market_db, tmp_path, same):
    """Also if the bars are equal: an undo could not part them."""
    build_with_current(tmp_path, NEW + 2 * DAY, number=NQH2025 if same else OTHER_NQH2025)
    run = IngestRun.objects.get(requested_symbol="NQH2025").pk
    load(tmp_path, map_always("NQM5", 9), contract_bars(9, OLD))
    age_database()
    bars = [row for row in list_bars() if row[0] != "NQM5"]
    result = split_contracts()
    (refused,) = result.refused
    assert refused.refusal == (
        f"nqh5 has bars of NQH2025 on 2024-12-04, and so has the series nqh2025 (run {run}): undo run {run}, or the "
        "run that stored them in nqh5, and run the command again."
    )
    assert [split.symbol for split in result.splits] == ["NQM5"]
    assert [row for row in list_bars() if row[0] != "NQM2015"] == bars


def test_a_series_of_another_dataset_is_not_joined(market_db, tmp_path):
    load(tmp_path, map_always("NQH5", NQH2015), contract_bars(NQH2015, OLD))
    age_database()
    Series.objects.create(slug="mine", symbol="NQH2015", dataset="XNAS.ITCH")
    assert "but the series mine is of XNAS.ITCH" in split_contracts().refused[0].refusal


def test_two_series_of_one_contract_join(market_db, tmp_path):
    """CME wrote one and two digits of the year."""
    load(tmp_path, map_always("CLZ5", 1), contract_bars(1, date(2024, 1, 2)), contract_bars(1, date(2024, 1, 9)))
    load(tmp_path, map_always("CLZ25", 2), contract_bars(2, date(2024, 1, 4)))
    load(tmp_path, map_always("CLZ25", 2), contract_bars(2, date(2024, 1, 16)))
    age_database()
    before, symbols = dump_tables(), list_run_symbols()
    split_contracts()
    assert count_by_symbol() == {"CLZ2025": 12}
    assert {tuple(names) for names in list_run_symbols().values()} == {("CLZ2025",)}
    assert_undo_restores(before)
    assert list_run_symbols() == symbols


def test_two_series_with_bars_of_one_date_do_not_join(market_db, tmp_path):
    load(tmp_path, map_always("CLZ5", 1), contract_bars(1, date(2024, 1, 2)), contract_bars(1, date(2024, 1, 4)))
    load(tmp_path, map_always("CLZ25", 2), contract_bars(2, date(2024, 1, 4)))
    age_database()
    result = preview_split()
    assert [split.symbol for split in result.splits] == ["CLZ25"]
    assert "clz5 has bars of CLZ2025 on 2024-01-04, and so has clz25" in result.refused[0].refusal


def test_two_contracts_on_one_date_cannot_be_separated(market_db, tmp_path):
    symbol = "UD:1V: VT 1"
    middle = [(WHOLE[0], OLD + DAY, 5), (OLD + DAY, WHOLE[1], 4)]
    load(tmp_path, {symbol: middle}, contract_bars(5, OLD), contract_bars(4, OLD + DAY))
    age_database()
    SeriesInstrument.objects.filter(instrument_id=5).update(end_date=OLD + 2 * DAY)
    (refused,) = split_contracts().refused
    assert refused.refusal == (
        "ud-1v-vt-1 has bars of both UD:1V: VT 1 and UD:1V: VT 1 #4 on 2014-12-02, which cannot be separated: undo "
        "the run that stored one of them."
    )


# --- Later runs ------------------------------------------------------------------------------------------------------


def test_a_split_is_undone_after_the_later_runs_of_its_series(market_db, tmp_path):
    load(tmp_path, map_always("NQH5", NQH2015), contract_bars(NQH2015, OLD))
    load(tmp_path, map_always("NQH5", NQH2025), contract_bars(NQH2025, NEW))
    age_database()
    before, symbols, moments = dump_tables(), list_run_symbols(), list_moments()
    as_of = [read_as_of(moment) for moment in moments]
    split = split_contracts().run
    later = load(
        tmp_path, map_always("NQH2025", NQH2025), contract_bars(NQH2025, NEW, count=9), dataset=GLOBEX, symbol="NQH2025"
    )
    rows = dump_tables(), IngestRun.objects.count()
    with pytest.raises(InputError) as refusal:
        undo_run(run_id=split.pk)
    assert str(refusal.value) == (
        f"Run {split.pk} cannot be undone while later runs have bars in its series: undo these runs first: "
        f"run {later.pk} (2.dbn)."
    )
    assert (dump_tables(), IngestRun.objects.count()) == rows

    undo_run(run_id=later.pk)
    undo_run(run_id=split.pk)

    bars, _, instruments, series = dump_tables()
    assert [bars, instruments, series] == [before[0], before[2], before[3]]
    assert {pk: names for pk, names in list_run_symbols().items() if pk in symbols} == symbols
    assert [read_as_of(moment) for moment in moments] == as_of
    assert set(BarRevision.objects.values_list("symbol", flat=True)) == {"NQH5"}


def test_a_run_that_found_its_bars_stored_does_not_prevent_the_undo(market_db, tmp_path):
    load(tmp_path, map_always("NQH5", NQH2015), contract_bars(NQH2015, OLD))
    age_database()
    split = split_contracts().run
    same = contract_bars(NQH2015, OLD)
    later = load(tmp_path, map_always("NQH2015", NQH2015), same, dataset=GLOBEX, symbol="NQH2015")
    assert later.inserted_count == 0
    undo_run(run_id=split.pk)
    assert list_run_symbols()[later.pk] == ["NQH5"]
    assert count_by_symbol() == {"NQH5": 3}


def test_a_series_that_has_bars_again_prevents_the_undo(market_db, tmp_path):
    load(tmp_path, map_always("NQH5", NQH2015), contract_bars(NQH2015, OLD))
    age_database()
    split = split_contracts().run
    again = load(tmp_path, map_always("NQH5", NQH2015), contract_bars(NQH2015, OLD), dataset=GLOBEX, symbol="NQH5")
    with pytest.raises(InputError, match=f"the series NQH5 has bars of run {again.pk} on dates from 2014-12-01 on"):
        undo_run(run_id=split.pk)
    undo_run(run_id=again.pk)
    undo_run(run_id=split.pk)
    assert count_by_symbol() == {"NQH5": 3}
    assert Series.objects.filter(symbol="NQH5").count() == 1


def test_a_split_is_undone_once_and_its_undo_never(market_db, tmp_path):
    load(tmp_path, map_always("NQH5", NQH2015), contract_bars(NQH2015, OLD))
    age_database()
    split = split_contracts().run
    undo = undo_run(run_id=split.pk).run
    with pytest.raises(InputError, match=f"Run {split.pk} was already undone, by run {undo.pk}."):
        undo_run(run_id=split.pk)
    with pytest.raises(InputError, match=r"is an undo itself, of run \d+ \(a split\): .* use .* split_contracts\."):
        undo_run(run_id=undo.pk)


def test_a_slug_that_another_series_has_now_is_not_used_again(market_db, tmp_path):
    load(tmp_path, map_always("NQH5", NQH2015), contract_bars(NQH2015, OLD))
    age_database()
    Series.objects.create(slug="nqh2015", symbol="something else")
    split = split_contracts().run
    assert Series.objects.get(symbol="NQH2015").slug.startswith("nqh2015-")
    Series.objects.create(slug="nqh5", symbol="another")
    undo_run(run_id=split.pk)
    assert Series.objects.get(symbol="NQH5").slug.startswith("nqh5-")
