"""Series that come back after months: one finding, from whatever side and in whatever parts it is checked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from config.testing.builders import FRONT, ingest, undo_run, write_filled
from config.testing.quality.bars import make_session_bars
from marketdata.models import IngestRun, QualityFinding, Series
from marketdata.quality.check import ALL, CheckRange, check_series
from marketdata.quality.pending import check_pending

NOW = datetime(2025, 12, 1, tzinfo=UTC)
FIRST, LAST = date(2022, 1, 3), date(2022, 2, 22)  # half-open
BACK, END = date(2024, 11, 20), date(2024, 12, 6)


def load(path: Path, first: date, last: date, symbol: str = "MNQ.c.0") -> int:
    records = make_session_bars(first, last)
    mappings = {symbol: [(first, last, FRONT)]}
    stype = "continuous" if "." in symbol else "raw_symbol"
    name = path / f"{symbol}-{first}.dbn"
    ingest(write_filled(name, records, symbols=(symbol,), mappings=mappings, stype_in=stype))
    return IngestRun.objects.latest("pk").pk


def read_missing() -> list[tuple[int, datetime, datetime, str]]:
    rows = QualityFinding.objects.filter(kind="missing").order_by("pk")
    return list(rows.values_list("pk", "start", "end", "state"))


def to_utc(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


HOLE = to_utc(LAST), to_utc(BACK)


def list_months() -> list[CheckRange]:
    months = [datetime(2022 + number // 12, number % 12 + 1, 1, tzinfo=UTC) for number in range(37)]
    return [CheckRange(start, end) for start, end in pairwise(months)]


@pytest.fixture(params=["MNQ.c.0", "MNQZ4"])
def symbol(request, market_db) -> str:
    name: str = request.param
    return name


def find_series() -> Series:
    return Series.objects.get(symbol=IngestRun.objects.latest("pk").symbols[0])


def test_new_bars_after_years_make_one_finding_which_every_check_finds_again(symbol, tmp_path):
    load(tmp_path, FIRST, LAST, symbol)
    check_pending(NOW)
    assert read_missing() == []

    load(tmp_path, BACK, END, symbol)
    check_pending(NOW)
    ((key, *found),) = read_missing()
    assert found == [*HOLE, "open"]

    series = find_series()
    day = timedelta(days=1)
    middle = CheckRange(HOLE[0] + 400 * day, HOLE[0] + 401 * day)
    for within in (ALL, CheckRange(HOLE[0] - day, HOLE[1] + day), middle, *list_months()):
        check_series(series, within=within, now=NOW)
    assert read_missing() == [(key, *HOLE, "open")]


@pytest.mark.parametrize("ranges", [[ALL], list_months(), list_months()[::-1]], ids=["all", "months", "backwards"])
def test_the_first_check_finds_the_same(market_db, tmp_path, ranges):
    load(tmp_path, FIRST, LAST)
    load(tmp_path, BACK, END)
    for within in ranges:
        check_series(find_series(), within=within, now=NOW)
    assert [row[1:] for row in read_missing()] == [(*HOLE, "open")]


def test_bars_in_the_middle_divide_the_finding_and_an_undo_joins_it(market_db, tmp_path):
    load(tmp_path, FIRST, LAST)
    load(tmp_path, BACK, END)
    check_pending(NOW)
    middle = date(2023, 6, 6), date(2023, 6, 9)
    run = load(tmp_path, *middle)
    check_pending(NOW)
    assert [row[1:3] for row in read_missing()] == [(to_utc(middle[1]), HOLE[1]), (HOLE[0], to_utc(middle[0]))]

    undo_run(run)
    check_pending(NOW)
    unresolved = [row[1:] for row in read_missing() if row[3] != "resolved"]
    assert unresolved == [(*HOLE, "open")]
