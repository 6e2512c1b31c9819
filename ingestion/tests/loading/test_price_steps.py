"""The step of each series after loads, corrections, withdrawals, undos and writes of other programs."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.testing.builders import FRONT, bars, ingest, several, undo_run, write
from config.testing.reference.price_steps import build_priced_bars, check_steps
from marketdata.bars.tick_size import MIN_BARS, TickSize, find_tick_size
from marketdata.models import Bar, IngestRun, Series

MNQ = "CME_MINI:MNQ1!"
YEAR = Path(settings.BASE_DIR).parent / "shared/fixtures/nq-front-2018/nq-front-2018.ohlcv-1m.dbn.zst"


@pytest.fixture
def mnq(market_db):
    """Without the tick size that the migration sets."""
    Series.objects.filter(slug="mnq").update(tick_size=None)
    yield
    Series.objects.filter(slug="mnq").update(tick_size=Decimal("0.25"), price_step=None)


def find(symbol: str) -> TickSize:
    return find_tick_size(Series.objects.get(symbol=symbol), Bar.objects.filter(symbol=symbol).count())


def last_run() -> int:
    return IngestRun.objects.latest("pk").pk


@pytest.mark.parametrize(
    ("prices", "tick"),
    [
        (["16800.25", "16800.5"], "0.25"),
        (["110.015625", "110.03125", "110.0625"], "0.015625"),  # ZN: 1/64
        (["1.08505", "1.0851", "1.0852"], "0.00005"),  # 6E
        (["-12.5", "-12.45", "3.05"], "0.05"),  # a spread
        (["-0.5", "0", "0.25"], "0.25"),
        (["0", "0", "7"], "7"),
        (["0.000000001", "0.000000003"], "0.000000001"),
        (["-9223372036.854775808", "-9223372036.854775808"], "9223372036.854775808"),
    ],
)
def test_the_tick_size_is_found_from_enough_bars(mnq, tmp_path, prices, tick):
    ingest(write(tmp_path / "a.dbn", build_priced_bars(prices, count=MIN_BARS - 1)))
    check_steps()
    assert find(MNQ) == TickSize(None, None)
    ingest(write(tmp_path / "b.dbn", build_priced_bars(prices, count=2, first=MIN_BARS)))
    check_steps()
    assert find(MNQ) == TickSize(Decimal(tick), "bars")


def test_prices_that_are_all_zero_have_no_tick_size(mnq, tmp_path):
    ingest(write(tmp_path / "a.dbn", build_priced_bars(["0"], count=MIN_BARS)))
    assert check_steps() == {MNQ: 0}
    assert find(MNQ) == TickSize(None, None)


def test_each_of_the_four_prices_counts(mnq, tmp_path):
    for name, sign in (("open", 1), ("high", 1), ("low", -1), ("close", 1)):
        records = build_priced_bars(["100"], count=5)
        records["high"], records["low"] = 101 * 10**9, 99 * 10**9
        records[name][3] += sign * 10**7
        ingest(write(tmp_path / f"{name}.dbn", records))
        assert check_steps() == {MNQ: Decimal("0.01")}
        undo_run(last_run())


def test_an_operator_s_tick_size_counts_first(mnq, tmp_path):
    ingest(write(tmp_path / "a.dbn", build_priced_bars(["1", "2"], count=MIN_BARS)))
    assert find(MNQ) == TickSize(Decimal(1), "bars")
    Series.objects.filter(slug="mnq").update(tick_size=Decimal("0.5"))
    assert find(MNQ) == TickSize(Decimal("0.5"), "set")


def test_an_undo_of_finer_prices_restores_the_coarser_step(mnq, tmp_path):
    ingest(write(tmp_path / "a.dbn", build_priced_bars(["16800.25", "16800.5"], count=MIN_BARS)))
    ingest(write(tmp_path / "b.dbn", build_priced_bars(["16800.05"], count=3, first=MIN_BARS)))
    assert check_steps() == {MNQ: Decimal("0.05")}
    undo_run(last_run())
    assert check_steps() == {MNQ: Decimal("0.25")}
    assert find(MNQ) == TickSize(Decimal("0.25"), "bars")


def test_corrections_make_the_step_finer_or_coarser(mnq, tmp_path):
    ingest(write(tmp_path / "a.dbn", build_priced_bars(["1", "1.5", "2"], count=600)))
    ingest(write(tmp_path / "b.dbn", build_priced_bars(["1.1"], count=1)))
    assert check_steps() == {MNQ: Decimal("0.1")}
    ingest(write(tmp_path / "c.dbn", build_priced_bars(["7"], count=1)))
    assert check_steps() == {MNQ: Decimal("0.5")}
    undo_run(last_run())
    assert check_steps() == {MNQ: Decimal("0.1")}
    # The newest bars are coarse, so all must be read.
    ingest(write(tmp_path / "d.dbn", build_priced_bars(["4"], count=600)))
    assert check_steps() == {MNQ: 4}
    ingest(write(tmp_path / "e.dbn", build_priced_bars(["4.5"], count=1)))
    ingest(write(tmp_path / "f.dbn", build_priced_bars(["8"], count=1)))
    assert check_steps() == {MNQ: 4}
    undo_run(last_run())
    assert check_steps() == {MNQ: Decimal("0.5")}


def test_removed_bars_do_not_count(mnq, tmp_path):
    fine = build_priced_bars(["1.5", "1.25", "1", "2"], count=400)
    ingest(write(tmp_path / "a.dbn", fine))
    whole = {"start": int(fine["ts_event"][0]), "end": int(fine["ts_event"][-1]) + 60 * 10**9}
    ingest(write(tmp_path / "b.dbn", fine[2::4], **whole), remove_withdrawn=True)
    assert check_steps() == {MNQ: 1}
    undo_run(last_run())
    assert check_steps() == {MNQ: Decimal("0.25")}
    other = build_priced_bars(["3"], count=10, instrument_id=FRONT + 1)
    mappings = {"MNQ.c.0": [(date(2024, 1, 1), date(2024, 2, 1), FRONT + 1)]}
    ingest(write(tmp_path / "c.dbn", other, mappings=mappings), replace_instrument=True)
    assert check_steps() == {MNQ: 3}
    undo_run(last_run())
    assert check_steps() == {MNQ: Decimal("0.25")}


def test_the_undo_of_all_bars_leaves_no_step(mnq, tmp_path):
    ingest(write(tmp_path / "a.dbn", build_priced_bars(["1"], count=3)))
    undo_run(last_run())
    assert check_steps() == {}
    ingest(write(tmp_path / "b.dbn", build_priced_bars(["10"], count=3)))
    assert check_steps() == {MNQ: 10}


def test_each_series_of_a_file_has_its_step(market_db, tmp_path):
    parts = {
        f"{root}H4": build_priced_bars(prices, count=40, instrument_id=number)
        for number, (root, prices) in enumerate((("ZN", ["110.015625"]), ("6E", ["1.08505"]), ("GC", ["0"])), start=1)
    }
    ingest(several(tmp_path / "a.dbn", parts))
    assert check_steps() == {"ZNH2024": Decimal("110.015625"), "6EH2024": Decimal("1.08505"), "GCH2024": 0}
    parts["ZNH4"] = build_priced_bars(["110.03125"], count=40, first=50, instrument_id=1)
    ingest(several(tmp_path / "b.dbn", parts))
    assert check_steps()["ZNH2024"] == Decimal("0.015625")


COPY_BARS = """
INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
SELECT 'SQL', ts, ts_ms, 1.5, 1.5, 1.5, 1.5, 1, ingestion_run_id FROM market_bars_ohlcv_1m
"""


def test_bars_that_only_other_programs_wrote_are_read(mnq, tmp_path):
    ingest(write(tmp_path / "a.dbn", build_priced_bars(["1", "2"], count=MIN_BARS)))
    Series.objects.create(slug="sql", symbol="SQL")
    with connection.cursor() as cursor:
        cursor.execute(COPY_BARS)
    assert find("SQL") == TickSize(Decimal("1.5"), "bars")
    ingest(write(tmp_path / "b.dbn", build_priced_bars(["2"], count=2, first=MIN_BARS)), symbol="SQL")
    assert check_steps() == {MNQ: 1, "SQL": Decimal("0.5")}


def test_a_series_that_was_emptied_by_hand_begins_again(mnq, tmp_path):
    ingest(write(tmp_path / "a.dbn", build_priced_bars(["1.25"], count=3)))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM market_bars_ohlcv_1m")
    ingest(write(tmp_path / "b.dbn", build_priced_bars(["2"], count=3)))
    assert check_steps() == {MNQ: 2}


def test_loading_a_file_again_writes_no_series(mnq, tmp_path):
    path = write(tmp_path / "a.dbn", bars(30))
    ingest(path)
    before = read_version()
    ingest(path)
    assert read_version() == before


def read_version() -> tuple:
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin::text FROM market_series WHERE slug = 'mnq'")
        return cursor.fetchone()


def test_new_bars_are_not_read_again(mnq, tmp_path):
    ingest(write(tmp_path / "a.dbn", bars(30)))
    path = write(tmp_path / "b.dbn", bars(30, first=40))
    with CaptureQueriesContext(connection) as queries:
        ingest(path)
    statements = [query["sql"] for query in queries]
    assert [sql for sql in statements if "price_step" in sql]
    assert not [sql for sql in statements if "find_step" in sql]
    check_steps()


@pytest.mark.skipif(not YEAR.exists(), reason="NOT TESTED: the file is not part of the project")
def test_a_real_year_has_its_tick_size(market_db):
    ingest(YEAR, symbol="NQ")
    assert find("NQ") == TickSize(Decimal("0.25"), "bars")
    assert check_steps() == {"NQ": Decimal("0.25")}
