"""A load settles series whose contract was not known: their bars move in its transaction."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection, transaction

from config.testing.earlier_version import age_database, contract_bars, load, map_always
from config.testing.rollup import assert_rollup_matches
from ingestion.errors import MixedInstruments
from ingestion.loading.locks import lock_series
from ingestion.split.apply import Settlement, settle_series
from ingestion.tests.split.test_pipeline import dump_tables, list_run_symbols
from ingestion.undo.pipeline import undo_run
from marketdata.models import Bar, IngestRun, Series, SeriesInstrument

NAME = "GEH5 #123"
COLUMNS = {
    "kind": "outright", "root": "GE", "contract_month": 3, "contract_year": 2025, "is_settled": True,
    "expiration_date": date(2025, 3, 17), "last_date": date(2025, 3, 17),
}  # fmt: skip
SETTLEMENT = Settlement(NAME, "GEH2025", COLUMNS)


@pytest.fixture
def unsettled(market_db, tmp_path) -> Series:
    """A series as this version stores it."""
    load(tmp_path, map_always(NAME, 123), contract_bars(123, date(2015, 3, 17)))
    load(tmp_path, map_always(NAME, 123), contract_bars(123, date(2015, 3, 17), base=4_100))
    age_database()
    SeriesInstrument.objects.update(raw_symbol="GEH5")
    Series.objects.filter(symbol=NAME).update(kind="outright", root="GE", contract_month=3, is_settled=False)
    return Series.objects.get(symbol=NAME)


def settle(*settlements: Settlement) -> IngestRun | None:
    with transaction.atomic(), connection.cursor() as cursor:
        lock_series(cursor, [name for one in settlements for name in (one.symbol, one.name)])
        return settle_series(cursor, settlements)


def test_all_bars_move_to_the_contract(unsettled):
    before, symbols = dump_tables(), list_run_symbols()
    run = settle(SETTLEMENT)
    run.refresh_from_db()
    assert (run.kind, run.status, run.row_count, run.symbols) == ("split", "success", 3, ["GEH2025", NAME])
    assert set(Bar.objects.values_list("symbol", flat=True)) == {"GEH2025"}
    series = Series.objects.get(symbol="GEH2025")
    assert (series.contract_year, series.expiration_date, series.is_settled) == (2025, date(2025, 3, 17), True)
    assert not Series.objects.filter(symbol=NAME).exists()
    assert set(SeriesInstrument.objects.values_list("series__symbol", "raw_symbol")) == {("GEH2025", "GEH5")}
    assert {tuple(names) for names in list_run_symbols().values()} == {("GEH2025",)}
    assert_rollup_matches()
    undo_run(run_id=run.pk)
    assert (dump_tables(), list_run_symbols()) == (before, symbols)


def test_nothing_to_settle_leaves_no_run(unsettled):
    runs = IngestRun.objects.count()
    assert settle(Settlement("none", "GEH2025", COLUMNS)) is None
    assert settle(Settlement(NAME, NAME, COLUMNS)) is None
    assert settle() is None
    assert IngestRun.objects.count() == runs


def test_bars_of_one_date_are_refused(unsettled, tmp_path):
    load(tmp_path, map_always("GEH2025", 9), contract_bars(9, date(2015, 3, 17)))
    age_database()
    before = dump_tables()
    with pytest.raises(MixedInstruments, match="has bars of GEH2025 on 2015-03-17, and so has the series geh2025"):
        settle(SETTLEMENT)
    assert dump_tables() == before


def test_a_settled_series_is_not_split_again(unsettled):
    settle(SETTLEMENT)
    from ingestion.split.pipeline import split_contracts

    assert split_contracts().splits == []


def test_a_rollback_of_the_load_leaves_nothing(unsettled):
    before, runs = dump_tables(), IngestRun.objects.count()
    with pytest.raises(ZeroDivisionError), transaction.atomic(), connection.cursor() as cursor:
        settle_series(cursor, [SETTLEMENT])
        _ = 1 / 0
    assert (dump_tables(), IngestRun.objects.count()) == (before, runs)
