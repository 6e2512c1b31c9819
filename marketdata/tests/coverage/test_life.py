"""The life of a series, by its kind and by what the loaded files mapped."""

from datetime import date, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.testing.clocks import utc
from config.testing.life import compute_life, create_request, map_range, record_mapping
from config.testing.reference.coverage import DAY, MINUTE
from config.testing.rollup import bar_row, insert_bars
from config.testing.rows import RUNS, SERIES, UNDO, insert
from marketdata.coverage.life import Life, read_life, read_lives
from marketdata.models import Series

MIDNIGHT = utc("2024-01-10")
BARS = [utc("2024-01-10 09:30"), utc("2024-01-12 16:00")]
SPAN = (BARS[0], BARS[1] + MINUTE)


@pytest.fixture
def share(two_runs) -> Series:
    insert(SERIES, slug="foo", symbol="FOO", vendor_symbols=["FOO"], dataset="XNAS.ITCH", kind="equity")
    return store_bars(Series.objects.get(slug="foo"))


@pytest.fixture
def future(two_runs) -> Series:
    insert(SERIES, slug="mnqh2024", symbol="MNQH2024", vendor_symbols=["MNQH4"], kind="outright")
    return store_bars(Series.objects.get(slug="mnqh2024"))


def store_bars(series: Series, *bars: datetime) -> Series:
    insert_bars([bar_row(series.symbol, bar, 1) for bar in bars or BARS])
    return series


def read(series: Series) -> list[tuple[datetime, datetime]]:
    return list(read_life(series, *BARS).ranges)


def set_dates(series: Series, **dates: str | None) -> Series:
    for name, text in dates.items():
        setattr(series, name, text and date.fromisoformat(text))
    return series


def test_without_recorded_mappings_it_is_from_the_first_to_the_last_bar(share):
    create_request(utc("2024-01-01"), utc("2024-02-01"), "FOO", vendor_dataset="XNAS.ITCH")
    assert read(share) == [SPAN]


def test_dates_with_bars_are_no_mapping(share):
    record_mapping(share, date(2024, 1, 1), date(2024, 2, 1), 1, from_mapping=False)
    assert read(share) == [SPAN]


def test_the_ranges_of_files_are_joined(share):
    """A file of each day, two of them the same, and one that begins and ends within a minute."""
    for start, end in [("10", "11"), ("11", "12"), ("12", "13"), ("11", "12")]:
        map_range(share, utc(f"2024-01-{start}"), utc(f"2024-01-{end}"))
    map_range(share, utc("2024-01-08 10:00:30"), utc("2024-01-08 10:05:30"))
    assert read(share) == [(utc("2024-01-08 10:01"), utc("2024-01-08 10:06")), (MIDNIGHT, utc("2024-01-13"))]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, ("2024-01-05", "2024-01-20")),
        ("2024-01-07 12:00", None, ("2024-01-07 12:00", "2024-01-20")),
        (None, "2024-01-18 12:00", ("2024-01-05", "2024-01-18 12:00")),
        ("2023-01-01", "2025-01-01", ("2024-01-05", "2024-01-20")),
    ],
)
def test_mapped_dates_are_limited_by_what_the_file_requests(share, start, end, expected):
    run_id = create_request(start and utc(start), end and utc(end))
    record_mapping(share, date(2024, 1, 5), date(2024, 1, 20), run_id)
    assert read(share) == [(utc(expected[0]), utc(expected[1]))]


def test_years_that_a_file_requests_and_does_not_map_are_outside(share):
    """A ticker that returns after years."""
    bars = utc("2010-03-01 15:00"), utc("2020-06-01 15:00")
    store_bars(share, *bars)
    run_id = create_request(utc("2010-01-01"), utc("2021-01-01"), "FOO")
    record_mapping(share, date(2010, 2, 1), date(2012, 5, 1), run_id)
    record_mapping(share, date(2020, 1, 1), date(2021, 1, 1), run_id)
    before, after = (utc("2010-02-01"), utc("2012-05-01")), (utc("2020-01-01"), utc("2021-01-01"))
    assert read_life(share, bars[0], utc("2020-12-01")).ranges == (before, (utc("2020-01-01"), utc("2021-01-01")))
    # The bars of January 2024 are also stored, and no file of those years is loaded.
    assert read_life(share, bars[0], BARS[1]).ranges == (before, (after[0], SPAN[1]))


@pytest.mark.parametrize(
    ("changes", "is_outside"),
    [
        ({}, True),
        ({"requested_symbols": ["BAR", "FOO"]}, True),
        ({"requested_symbols": ["ALL_SYMBOLS"]}, True),
        ({"requested_symbols": ["BAR"]}, False),
        ({"vendor_dataset": "XNYS.PILLAR"}, False),
        ({"requested_end": None}, False),
        ({"status": "failed", "error": "Cut off.", "inserted_count": 0, "updated_count": 0, "changed_count": 0}, False),
    ],
)
def test_another_file_may_show_that_nothing_was_mapped(share, changes, is_outside):
    """Files of 10 and 12 January map the share; a file of the 11th has none of it."""
    for day in (10, 12):
        run_id = create_request(utc(f"2024-01-{day}"), utc(f"2024-01-{day + 1}"), "FOO")
        record_mapping(share, date(2024, 1, day), date(2024, 1, day + 1), run_id, dataset="XNAS.ITCH")
    create_request(utc("2024-01-11"), utc("2024-01-12"), "FOO", **({"vendor_dataset": "XNAS.ITCH"} | changes))
    days = (MIDNIGHT, utc("2024-01-11")), (utc("2024-01-12"), utc("2024-01-13"))
    assert read(share) == ([*days] if is_outside else [(days[0][0], days[1][1])])


def test_a_request_that_is_undone_shows_nothing(share):
    for day in (10, 12):
        map_range(share, utc(f"2024-01-{day}"), utc(f"2024-01-{day}") + DAY)
    run_id = create_request(utc("2024-01-11"), utc("2024-01-12"), "FOO")
    assert len(read(share)) == 2
    insert(RUNS, **UNDO | {"id": run_id + 1, "undoes_id": run_id, "left_count": 4})  # it skipped bars
    assert len(read(share)) == 2
    insert(RUNS, **UNDO | {"id": run_id + 2, "undoes_id": run_id})
    assert len(read(share)) == 1


def test_a_hole_with_bars_is_no_hole(share):
    """Another program, or an earlier version, stored them."""
    map_range(share, utc("2024-01-12"), utc("2024-01-13"))
    create_request(utc("2024-01-01"), utc("2024-01-12"), "FOO")
    assert read(share) == [(BARS[0], utc("2024-01-13"))]


def test_all_symbols_are_no_request_for_a_continuous_series(share):
    Series.objects.filter(pk=share.pk).update(kind="continuous")
    for day in (10, 12):
        map_range(share, utc(f"2024-01-{day}"), utc(f"2024-01-{day}") + DAY)
    create_request(utc("2024-01-11"), utc("2024-01-12"), "ALL_SYMBOLS")
    assert len(read(share)) == 1


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        # The mapping begins before the contract and ends years after it.
        ({}, SPAN),
        ({"last_date": "2024-03-31"}, SPAN),
        ({"last_date": "2026-12-31"}, SPAN),  # its last date is that of the mapping's last day
        ({"last_date": "2027-01-01"}, (BARS[0], utc("2027-01-01"))),
        ({"activation_date": "2024-01-08"}, (utc("2024-01-08"), SPAN[1])),
        ({"activation_date": "2022-12-01"}, (utc("2023-06-01"), SPAN[1])),
        ({"activation_date": "2024-01-11"}, SPAN),
        ({"expiration_date": "2024-03-15", "last_date": "2024-03-15"}, (BARS[0], utc("2024-03-16"))),
        ({"expiration_date": "2024-01-11", "last_date": "2024-01-11"}, SPAN),
        ({"expiration_date": "2027-03-19", "last_date": "2027-03-19"}, (BARS[0], utc("2027-01-01"))),
        ({"expiration_date": "9999-12-31", "last_date": "9999-12-31"}, (BARS[0], utc("2027-01-01"))),
        (
            {"activation_date": "2023-12-18", "expiration_date": "2024-03-15"},
            (utc("2023-12-18"), utc("2024-03-16")),
        ),
    ],
)
@pytest.mark.parametrize("kind", ["outright", "spread", "option"])
def test_a_contract_lives_from_its_activation_to_its_expiration(future, kind, dates, expected):
    future.kind = kind
    map_range(future, utc("2023-06-01"), utc("2027-01-01"))
    assert read(set_dates(future, **dates)) == [expected]


def test_a_hole_in_the_mapping_of_a_contract_is_missing(future):
    for day in (10, 12):
        map_range(future, utc(f"2024-01-{day}"), utc(f"2024-01-{day}") + DAY)
    create_request(utc("2024-01-11"), utc("2024-01-12"), "MNQ.c.0")
    assert read(set_dates(future, last_date="2024-03-31")) == [(BARS[0], utc("2024-01-13"))]


def test_the_lives_of_several_series_are_one_query(share, future, django_assert_num_queries):
    map_range(share, utc("2024-01-01"), utc("2024-02-01"))
    with django_assert_num_queries(1):
        lives = read_lives([(future, *BARS), (share, *BARS), (future, BARS[0], BARS[0])])
    assert lives == [
        Life((SPAN,)),
        Life(((utc("2024-01-01"), utc("2024-02-01")),)),
        Life(((BARS[0], BARS[0] + MINUTE),)),
    ]
    with django_assert_num_queries(0):
        assert read_lives([]) == []


minutes = st.integers(0, 6 * 1440)
ranges = st.lists(st.tuples(minutes, st.integers(1, 3000)), max_size=4)
dates = st.one_of(st.none(), st.integers(-1, 8))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["continuous", "equity", "other", "outright", "spread"]),
    bars=st.sets(minutes, min_size=1, max_size=5),
    mapped=ranges,
    unmapped=ranges,
    activation=dates,
    expiration=dates,
    last=dates,
)
def test_lives_equal_those_computed_from_minutes(series, kind, bars, mapped, unmapped, activation, expiration, last):
    stored = [MIDNIGHT + minute * MINUTE for minute in sorted(bars)]
    mapped_ranges, unmapped_ranges = (
        [(MIDNIGHT + start * MINUTE, MIDNIGHT + (start + length) * MINUTE) for start, length in some]
        for some in (mapped, unmapped)
    )
    with transaction.atomic():
        Series.objects.filter(pk=series.pk).update(kind=kind)
        series.kind = kind
        for name, number in (("activation", activation), ("expiration", expiration), ("last", last)):
            value = None if number is None else (MIDNIGHT + timedelta(days=number)).date()
            setattr(series, f"{name}_date", value)
        insert_bars([bar_row(series.symbol, bar, 1) for bar in stored])
        for one in mapped_ranges:
            map_range(series, *one, "MNQ.c.0")
        for one in unmapped_ranges:
            create_request(*one, "MNQ.c.0")
        found = read_life(series, stored[0], stored[-1])
        expected = compute_life(series, stored, mapped_ranges, mapped_ranges + unmapped_ranges)
        assert list(found.ranges) == expected
        transaction.set_rollback(True)
