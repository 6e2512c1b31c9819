"""PostgreSQL reads numpy's COPY BINARY as the file's integers times 1e-9, to the last digit."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.testing.builders import at
from ingestion.dbn.batches import RecordBatch
from ingestion.dbn.layout import PRICES
from ingestion.dbn.writer import empty_records
from ingestion.loading.copy_format import STAGED_COLUMNS, encode_staged_rows
from ingestion.symbology.resolve import ResolvedBars

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CREATE = """
CREATE TEMPORARY TABLE IF NOT EXISTS copied (
    number serial, series int4, ts timestamptz, ts_ms int8,
    open numeric, high numeric, low numeric, close numeric, volume numeric
);
TRUNCATE copied;
"""
_COPY = f"COPY copied ({', '.join(STAGED_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
_READ = "SELECT series, ts, ts_ms, open, high, low, close, volume FROM copied ORDER BY number"

# Where digits in base 10,000, or the count of them, change.
EDGES = [sign * (10**power + off) for power in range(19) for off in (-1, 0, 1) for sign in (1, -1)]
NANOS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([-(2**63), 2**63 - 1, *EDGES]), st.integers(-3, 3))
VOLUMES = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([2**64 - 1, 2**63, *(abs(edge) for edge in EDGES)]))
MINUTES = st.integers(0, 2**33 - 1).map(lambda minute: minute % 300_000_000 * 60 * 10**9)  # from 1970 to the year 2540
ROWS = st.lists(
    st.tuples(st.integers(0, 2**31 - 1), MINUTES, NANOS, NANOS, NANOS, NANOS, VOLUMES), min_size=1, max_size=20
)


def copied(rows: list[tuple]) -> list[tuple]:
    """The rows through PostgreSQL's COPY BINARY into a temporary table, and read back."""
    records = empty_records(len(rows))
    codes = np.array([row[0] for row in rows], dtype=np.int32)
    for position, name in enumerate(("ts_event", *PRICES, "volume"), start=1):
        records[name] = [row[position] for row in rows]
    content = encode_staged_rows(ResolvedBars(RecordBatch(records, np.arange(1, len(rows) + 1)), codes, [])).content
    with connection.cursor() as cursor:
        cursor.execute(_CREATE)
        cursor.copy_expert(_COPY, io.BytesIO(content))
        cursor.execute(_READ)
        return cursor.fetchall()


def expected(rows: list[tuple]) -> list[tuple]:
    return [
        (
            code,
            EPOCH + timedelta(microseconds=time // 1000),
            time // 10**6,
            *(Decimal(nanos).scaleb(-9) for nanos in prices),
            Decimal(volume),
        )
        for code, time, *prices, volume in rows
    ]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_copied_rows_are_read_back_exactly(market_db, rows):
    assert copied(rows) == expected(rows)


@pytest.mark.parametrize("great", [-(2**63), 2**63 - 1, 0])
def test_the_digits_of_a_row_do_not_depend_on_its_batch(market_db, great):
    """All rows of a batch have as many digits as its greatest needs. The zeros of the others must not show."""
    rows = [
        (0, at(0), 0, 1, -1, 250_000_000, 1),
        (1, at(1), great, great, great, great, 2**64 - 1),
        (2, at(2), -16_800_250_000_000, 10**9, -(10**9), 16_800 * 10**9, 0),
    ]
    assert copied(rows) == expected(rows)
    assert copied(rows[:1]) == expected(rows[:1])
    assert copied(rows[2:]) == expected(rows[2:])


def test_numerics_are_stored_as_if_they_had_been_written_out(market_db):
    """Zeros around the digits are trimmed on the way in: values copied and values written as text are the same bytes,
    so that they are equal to indexes, hashes and comparisons."""
    rows = [(0, at(0), 16_800_250_000_000, 0, -1, 5 * 10**9, 7), (1, at(1), 2**63 - 1, 0, -(2**63), 10**12, 2**64 - 1)]
    copied(rows)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT bool_and(numeric_send(value) = numeric_send(value::text::numeric)) FROM copied, "
            "unnest(ARRAY[open, high, low, close, volume]) AS value"
        )
        assert cursor.fetchone() == (True,)
