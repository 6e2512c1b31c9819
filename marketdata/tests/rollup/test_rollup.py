"""The triggers keep the hourly rollup equal to the bars after any change of the bars."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.testing.builders import bars, ingest, write
from config.testing.rollup import assert_rollup_matches, at, bar_row, copy_bars, insert_bars, read_rollup
from config.testing.rows import execute
from marketdata.models import HourlyBar, SeriesCount

pytestmark = pytest.mark.ordinary_role

symbols = st.sampled_from(["A", "B b", "a"])
minutes = st.one_of(st.integers(-70, 130), st.sampled_from([-1, 0, 59, 60, 119, 120]))
values = st.integers(0, 40)
some_bars = st.dictionaries(st.tuples(symbols, minutes), st.tuples(values, st.integers(1, 2)), min_size=1, max_size=40)
spans = st.tuples(symbols, minutes, st.integers(0, 90))
steps = st.one_of(
    st.tuples(st.sampled_from(["copy", "insert", "upsert", "merge"]), some_bars),
    st.tuples(st.sampled_from(["correct", "delete", "rename", "touch", "restate", "thin"]), spans),
    st.tuples(st.sampled_from(["shift", "replace"]), st.tuples(spans, st.integers(-90, 90))),
    st.tuples(st.just("truncate"), st.none()),
)
IN_SPAN = "WHERE symbol = %s AND ts >= %s AND ts <= %s"
UPSERT = """
ON CONFLICT (symbol, ts) DO UPDATE SET open = excluded.open, high = excluded.high, low = excluded.low,
    close = excluded.close, volume = excluded.volume
"""
# Deletes bars with an odd volume, updates the others, and inserts new ones: three kinds of trigger for one hour.
MERGE = """
MERGE INTO market_bars_ohlcv_1m AS old
USING unnest(%s::varchar[], %s::timestamptz[], %s::bigint[], %s::numeric[]) AS new (symbol, ts, ts_ms, volume)
ON old.symbol = new.symbol COLLATE "C" AND old.ts = new.ts
WHEN MATCHED AND new.volume %% 2 = 1 THEN DELETE
WHEN MATCHED THEN UPDATE SET close = low, volume = new.volume
WHEN NOT MATCHED THEN INSERT (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
    VALUES (new.symbol, new.ts, new.ts_ms, new.volume, new.volume + 1, new.volume - 1, new.volume, new.volume, 2)
"""
# Deletes bars and inserts them at other times in one statement.
REPLACE = """
WITH deleted AS (DELETE FROM market_bars_ohlcv_1m {span} RETURNING *)
INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
SELECT symbol, ts + %s * interval '1 minute', ts_ms + %s * 60000, open, high, low, close, volume, 2 FROM deleted
ON CONFLICT DO NOTHING
""".replace("{span}", IN_SPAN)

# Other values for every second minute: an hour may lose its highest or lowest price, or keep it.
RESTATE = """
UPDATE market_bars_ohlcv_1m SET open = low, close = low + (high - low) / 2, low = low - (volume + 1) %% 3 + 1,
    high = high - (volume + 2) %% 4 + (volume + 2) %% 4 / 2 + 1, volume = (volume * 5 + 3) %% 17
""" + IN_SPAN.replace("ts <=", "ts_ms / 60000 %% 2 = 1 AND ts <=")
# Deletes some bars of an hour and changes others, in one statement.
THIN = f"""
WITH deleted AS (DELETE FROM market_bars_ohlcv_1m {IN_SPAN} AND ts_ms / 60000 %% 3 = 0)
UPDATE market_bars_ohlcv_1m SET high = high + 1, volume = volume + 7 {IN_SPAN} AND ts_ms / 60000 %% 3 = 1
"""  # noqa: S608


def apply_step(step: str, argument: object) -> None:
    """Change the bars. The primary key may refuse a change."""
    if step == "truncate":
        execute("TRUNCATE market_bars_ohlcv_1m")
    elif step in ("copy", "insert", "upsert", "merge"):
        rows = [bar_row(symbol, at(minute), value, run_id=run) for (symbol, minute), (value, run) in argument.items()]
        if step == "merge":
            execute(MERGE, *(list(column) for column in zip(*((*row[:3], row[7]) for row in rows), strict=True)))
        elif step == "copy":
            copy_bars(rows)
        else:
            insert_bars(rows, on_conflict=UPSERT if step == "upsert" else "ON CONFLICT DO NOTHING")
    elif step in ("shift", "replace"):
        (symbol, first, length), by = argument
        span = (symbol, at(first), at(first + length))
        if step == "replace":
            execute(REPLACE, *span, by, by)
        else:
            sql = "UPDATE market_bars_ohlcv_1m SET ts = ts + %s * interval '1 minute', ts_ms = ts_ms + %s * 60000 "
            execute(sql + IN_SPAN, by, by, *span)
    else:
        symbol, first, length = argument
        sql = {
            "correct": "UPDATE market_bars_ohlcv_1m SET open = low, high = high + 1, close = high, volume = 3 ",
            "delete": "DELETE FROM market_bars_ohlcv_1m ",
            "rename": "UPDATE market_bars_ohlcv_1m SET symbol = 'A' ",
            "touch": "UPDATE market_bars_ohlcv_1m SET ingestion_run_id = 2 ",
        }.get(step, "")
        span = (symbol, at(first), at(first + length))
        if step == "restate":
            execute(RESTATE, *span)
        elif step == "thin":
            execute(THIN, *span, *span)
        else:
            execute(sql + IN_SPAN, *span)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(steps, min_size=1, max_size=8))
def test_the_rollup_matches_after_any_history(two_runs, history):
    with transaction.atomic():
        for step, argument in history:
            try:
                with transaction.atomic():
                    apply_step(step, argument)
            except IntegrityError as error:
                assert "duplicate key" in str(error) or "bar_high_low_enclose" in str(error)
            assert_rollup_matches()
        transaction.set_rollback(True)


def test_the_rollup_matches_after_each_way_of_ingesting(market_db, tmp_path):
    ingest(write(tmp_path / "first.dbn", bars(100)))  # new bars
    assert_rollup_matches()
    changed = bars(150, first=40)
    changed["volume"] += 1
    ingest(write(tmp_path / "second.dbn", changed))  # staged: some are stored already
    assert_rollup_matches()
    assert SeriesCount.objects.get().bar_count == 190


def test_an_hour_aggregates_its_bars(two_runs):
    copy_bars(
        [("A", at(minute), int(at(minute).timestamp()) * 1000, 5, 9 + minute, 1, 6, 10, 1) for minute in (59, 3, 7)]
    )
    execute("UPDATE market_bars_ohlcv_1m SET low = -2.000000001, close = 0 WHERE ts = %s", at(7))
    hour = HourlyBar.objects.get()
    assert (hour.open, hour.high, hour.low, hour.close) == (5, 68, Decimal("-2.000000001"), 6)
    assert (hour.volume, hour.bar_count, hour.first_ts, hour.last_ts) == (30, 3, at(3), at(59))
    assert hour.minutes == 1 << 3 | 1 << 7 | 1 << 59


def test_an_hour_holds_all_minutes_at_the_largest_values(two_runs):
    rows = [(*bar_row("A", at(minute), 1)[:7], 2**64 - 1, 1) for minute in range(60)]
    copy_bars(rows)
    hour = HourlyBar.objects.get()
    assert (hour.volume, hour.bar_count, hour.minutes) == (60 * (2**64 - 1), 60, 2**60 - 1)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/St_Johns"])
def test_hours_are_utc_in_any_time_zone_and_before_1970(two_runs, zone):
    execute("SELECT set_config('TimeZone', %s, true)", zone)
    early = datetime(1969, 12, 31, 23, 59, tzinfo=UTC)
    for ts in (early, early + timedelta(minutes=1), early - timedelta(minutes=60), datetime(1904, 2, 29, tzinfo=UTC)):
        insert_bars([bar_row("A", ts, 3)])
    execute("UPDATE market_bars_ohlcv_1m SET volume = 4 WHERE ts = %s", early)
    execute("DELETE FROM market_bars_ohlcv_1m WHERE ts = %s", early - timedelta(minutes=60))
    execute("SET LOCAL TimeZone = 'UTC'")  # Django expects times in this zone
    assert_rollup_matches()
    assert HourlyBar.objects.count() == 3


def test_a_statement_of_no_rows_changes_nothing(two_runs):
    insert_bars([bar_row("A", at(0), 1)])
    execute("DELETE FROM market_bars_ohlcv_1m WHERE symbol = 'B'")
    execute("UPDATE market_bars_ohlcv_1m SET volume = 2 WHERE symbol = 'B'")
    execute("INSERT INTO market_bars_ohlcv_1m SELECT * FROM market_bars_ohlcv_1m WHERE symbol = 'B'")
    assert_rollup_matches()


def test_a_failed_statement_changes_nothing(two_runs):
    insert_bars([bar_row("A", at(0), 1)])
    before = read_rollup()
    with pytest.raises(IntegrityError, match="does not exist"), transaction.atomic():
        copy_bars([bar_row("A", at(minute), 2, run_id=99 if minute == 50 else 1) for minute in range(1, 90)])
    assert read_rollup() == before
    assert_rollup_matches()
