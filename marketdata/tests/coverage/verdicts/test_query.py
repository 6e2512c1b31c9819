"""Each gap has one verdict. A slow second implementation judges minute by minute."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.testing.clocks import CME, utc
from config.testing.life import create_request, record_mapping
from config.testing.reference.coverage import set_calendar
from config.testing.rollup import bar_row, copy_bars
from marketdata.calendars.trading_days import find_trading_days
from marketdata.coverage.verdicts.model import Verdict
from marketdata.coverage.verdicts.query import judge_gaps
from marketdata.models import KnownEmpty, SeriesDay, VendorDataset, VendorDay

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
MONDAY = utc("2024-01-08 00:00")  # the week after New Year, a full one
NOW = utc("2024-01-20 12:00")
CONDITIONS = ("", "available", "degraded", "pending", "missing")


@pytest.fixture
def subscribed(series, django_db_blocker):
    """The series requested from Monday on, without bars."""
    series.feed_symbol, series.feed_stype, series.dataset = "A.c.0", "continuous", "GLBX.MDP3"
    series.feed_start = MONDAY.date()
    series.save()
    set_calendar(series, CME)
    return series


def store_minutes(series, moments):
    copy_bars(bar_row(series.symbol, moment, 5) for moment in sorted(moments))


def cover(series, day, *, since=None, until=None, records=0, condition="available"):
    midnight = datetime.combine(day, time(), UTC)
    SeriesDay.objects.create(
        series=series, day=day, covered_until=until or midnight + DAY, records=records, condition=condition,
        covered_from=since, confirmed_at=NOW,
    )  # fmt: skip


def set_available(series, end, *, seen=NOW):
    VendorDataset.objects.create(
        dataset=series.dataset, available_start=utc("2010-06-06 00:00"), available_end=end, seen_at=seen
    )


def judge(series, start=None, end=None, now=NOW):
    return [(gap.start, gap.end, gap.verdict) for gap in judge_gaps(series, start=start, end=end, now=now)]


def test_a_series_without_bars_and_subscription_has_no_gaps(series):
    series.feed_symbol = series.feed_stype = ""
    series.feed_start = MONDAY.date()
    assert list(judge_gaps(series, now=NOW)) == []


def test_a_subscribed_series_without_bars_is_one_missing_gap(subscribed):
    gaps = judge_gaps(subscribed, end=MONDAY + 4 * DAY, now=NOW)

    assert [(gap.start, gap.end, gap.verdict) for gap in gaps] == [(MONDAY, MONDAY + 4 * DAY, Verdict.MISSING)]
    assert gaps[0].open_minutes == 4 * 1440 - 4 * 60  # without the daily breaks
    assert gaps[0].evidence == "No bars are stored, and no history covers these minutes."


def test_minutes_that_history_covers_had_no_trade(subscribed):
    cover(subscribed, MONDAY.date(), records=2)
    store_minutes(subscribed, [MONDAY, MONDAY + 600 * MINUTE])

    assert judge(subscribed, end=MONDAY + DAY) == [
        (MONDAY + MINUTE, MONDAY + 600 * MINUTE, Verdict.NO_TRADE),
        (MONDAY + 601 * MINUTE, MONDAY + 22 * 60 * MINUTE, Verdict.NO_TRADE),
        (MONDAY + 22 * 60 * MINUTE, MONDAY + 23 * 60 * MINUTE, Verdict.CLOSED),
        (MONDAY + 23 * 60 * MINUTE, MONDAY + DAY, Verdict.NO_TRADE),
    ]


def test_a_day_with_fewer_bars_than_history_delivered_is_missing(subscribed):
    cover(subscribed, MONDAY.date(), records=3)
    store_minutes(subscribed, [MONDAY])

    gap = judge_gaps(subscribed, end=MONDAY + DAY, now=NOW)[0]

    assert (gap.start, gap.verdict) == (MONDAY + MINUTE, Verdict.MISSING)
    assert gap.evidence == "History delivered 3 bars of the day, and 1 are stored."


def test_history_can_end_within_a_day(subscribed):
    cover(subscribed, MONDAY.date(), until=MONDAY + 300 * MINUTE)
    set_available(subscribed, MONDAY + 300 * MINUTE, seen=MONDAY + 600 * MINUTE)

    gaps = judge_gaps(subscribed, now=MONDAY + 600 * MINUTE)

    assert [(gap.start, gap.verdict) for gap in gaps] == [
        (MONDAY, Verdict.NO_TRADE),
        (MONDAY + 300 * MINUTE, Verdict.NOT_YET_AVAILABLE),
    ]
    assert gaps[1].until == MONDAY + 600 * MINUTE
    assert gaps[1].evidence == "The vendor's history ends at 2024-01-08 05:00 UTC."


def test_the_end_of_history_moves_on(subscribed):
    """It was read two days ago, when it ended a day before."""
    set_available(subscribed, NOW - 3 * DAY, seen=NOW - 2 * DAY)

    last = judge_gaps(subscribed, start=NOW - 2 * DAY, now=NOW)[-1]

    assert last.verdict == Verdict.CLOSED  # a Saturday
    assert [gap.start for gap in judge_gaps(subscribed, now=NOW) if gap.verdict == "not_yet_available"] == [NOW - DAY]


def test_a_known_empty_range_has_a_reason_and_a_time(subscribed):
    KnownEmpty.objects.create(
        series=subscribed, dataset="GLBX.MDP3", vendor_symbol="A.c.0", start=MONDAY, end=MONDAY + DAY,
        why="no_records", evidence="The vendor counts 0 records.", learned_at=NOW, ask_again_at=timezone.now() + DAY,
    )  # fmt: skip

    gap = judge_gaps(subscribed, end=MONDAY + DAY, now=NOW)[0]

    assert gap.verdict == Verdict.KNOWN_EMPTY
    assert gap.evidence == "The vendor has no records: The vendor counts 0 records."
    assert gap.until is not None


def test_a_known_empty_range_counts_until_it_is_to_be_asked_again(subscribed):
    KnownEmpty.objects.create(
        series=subscribed, dataset="GLBX.MDP3", vendor_symbol="A.c.0", start=MONDAY, end=MONDAY + DAY,
        why="no_records", evidence="x", learned_at=NOW, ask_again_at=timezone.now() - MINUTE,
    )  # fmt: skip

    assert judge(subscribed, end=MONDAY + 600 * MINUTE) == [(MONDAY, MONDAY + 600 * MINUTE, Verdict.MISSING)]


@pytest.mark.parametrize(
    ("modified", "changed", "verdict"),
    [
        (None, None, Verdict.KNOWN_EMPTY),
        (date(2024, 1, 9), date(2024, 1, 9), Verdict.KNOWN_EMPTY),  # each day is made the day after
        (date(2024, 1, 9), date(2024, 1, 12), Verdict.MISSING),
        (None, date(2024, 1, 20), Verdict.KNOWN_EMPTY),  # before it was learned
        (None, date(2024, 1, 21), Verdict.MISSING),
    ],
)
def test_a_known_empty_range_counts_until_the_vendor_changes_a_day(subscribed, modified, changed, verdict):
    KnownEmpty.objects.create(
        series=subscribed, dataset="GLBX.MDP3", vendor_symbol="A.c.0", start=MONDAY, end=MONDAY + DAY,
        why="no_records", evidence="x", learned_at=datetime(2024, 1, 20, 12, tzinfo=UTC), modified=modified,
    )  # fmt: skip
    VendorDay.objects.create(
        dataset="GLBX.MDP3", day=MONDAY.date(), condition="available", last_modified_date=changed, seen_at=NOW
    )

    assert judge(subscribed, end=MONDAY + 600 * MINUTE) == [(MONDAY, MONDAY + 600 * MINUTE, verdict)]


@pytest.mark.parametrize("loaded", [True, False])
def test_a_degraded_day(subscribed, loaded):
    VendorDay.objects.create(dataset="GLBX.MDP3", day=MONDAY.date(), condition="degraded", seen_at=NOW)
    if loaded:
        cover(subscribed, MONDAY.date(), condition="degraded")

    gap = judge_gaps(subscribed, end=MONDAY + 600 * MINUTE, now=NOW)[0]

    assert gap.verdict == Verdict.DEGRADED
    assert ("no history of it is loaded" in gap.evidence) is not loaded


def test_a_loaded_file_explains_less_than_an_hour(series):
    run = create_request(MONDAY, MONDAY + DAY)
    record_mapping(series, MONDAY.date(), (MONDAY + DAY).date(), run)
    store_minutes(series, [MONDAY, MONDAY + 60 * MINUTE, MONDAY + 121 * MINUTE])

    assert judge(series, end=MONDAY + 122 * MINUTE) == [
        (MONDAY + MINUTE, MONDAY + 60 * MINUTE, Verdict.NO_TRADE),
        (MONDAY + 61 * MINUTE, MONDAY + 121 * MINUTE, Verdict.MISSING),
    ]


# --- The same minute by minute ----------------------------------------------------------------------------------------

offsets = st.integers(-200, 4 * 1440 + 200)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    stored=st.sets(offsets, max_size=40),
    blocks=st.lists(st.tuples(offsets, st.integers(1, 900)), max_size=4),
    covered=st.dictionaries(
        st.integers(0, 3), st.tuples(st.integers(0, 700), st.integers(700, 1440), st.integers(0, 30)), max_size=4
    ),
    conditions=st.dictionaries(st.integers(0, 3), st.sampled_from(CONDITIONS[1:]), max_size=4),
    empty=st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 2000)), max_size=2),
    available=st.none() | st.integers(0, 6000),
    start=st.none() | offsets,
    end=offsets,
    calendar=st.sampled_from(["", CME]),
)
def test_verdicts_equal_those_of_each_minute(
    subscribed, stored, blocks, covered, conditions, empty, available, start, end, calendar
):  # fmt: skip
    subscribed.calendar = calendar
    subscribed.save()
    clear(subscribed)
    minutes = {MONDAY + one * MINUTE for one in stored.union(*(range(at, at + size) for at, size in blocks))}
    store_minutes(subscribed, minutes)
    for day, (since, until, records) in covered.items():
        midnight = MONDAY + day * DAY
        edges = {"since": midnight + since * MINUTE, "until": midnight + until * MINUTE}
        cover(subscribed, midnight.date(), records=records, **edges)
    for day, condition in conditions.items():
        VendorDay.objects.create(dataset="GLBX.MDP3", day=(MONDAY + day * DAY).date(), condition=condition, seen_at=NOW)
    for at, size in empty:
        KnownEmpty.objects.create(
            series=subscribed, dataset="GLBX.MDP3", vendor_symbol="A.c.0", start=MONDAY + at * MINUTE,
            end=MONDAY + (at + size) * MINUTE, why="no_records", evidence="x", learned_at=NOW,
        )  # fmt: skip
    if available is not None:
        set_available(subscribed, MONDAY + available * MINUTE, seen=MONDAY + available * MINUTE)
    now = MONDAY + 5 * DAY
    bounds = (MONDAY + start * MINUTE if start is not None else None, MONDAY + end * MINUTE)

    found = {}
    for gap in judge_gaps(subscribed, start=bounds[0], end=bounds[1], now=now):
        moment = gap.start
        while moment < gap.end:
            assert moment not in found
            found[moment] = gap.verdict
            moment += MINUTE

    low = min([MONDAY, *minutes])
    expected = judge_slowly(
        subscribed, max(low, bounds[0] or low), min(bounds[1], now), minutes, covered, conditions, empty,
        MONDAY + available * MINUTE if available is not None else None, now,
    )  # fmt: skip
    closed_within = {moment for moment, verdict in expected.items() if verdict == Verdict.CLOSED}
    assert found.keys() == expected.keys()
    assert {moment: verdict for moment, verdict in found.items() if moment not in closed_within} == {
        moment: verdict for moment, verdict in expected.items() if moment not in closed_within
    }


def clear(series):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM market_bars_ohlcv_1m")
    for model in (SeriesDay, VendorDay, KnownEmpty, VendorDataset):
        model.objects.all().delete()


def judge_slowly(series, start, stop, stored, covered, conditions, empty, available, now):
    days = find_trading_days(series.calendar, start, stop) if start < stop else []
    spans = [span for day in days for span in day.spans]
    verdicts, moment = {}, start
    while moment < stop:
        if moment not in stored:
            is_open = any(opened <= moment < closed for opened, closed in spans)
            verdicts[moment] = judge_minute(moment, is_open, stored, covered, conditions, empty, available, now)
        moment += MINUTE
    return verdicts


def judge_minute(moment, is_open, stored, covered, conditions, empty, available, now):
    if not is_open:
        return Verdict.CLOSED
    day = (moment - MONDAY) // DAY
    midnight = MONDAY + day * DAY
    since, until, records = covered.get(day, (0, 0, 0))
    condition = conditions.get(day, "")
    if midnight + since * MINUTE <= moment < midnight + until * MINUTE:
        if condition == "degraded":
            return Verdict.DEGRADED
        kept = sum(midnight + since * MINUTE <= one < midnight + until * MINUTE for one in stored)
        return Verdict.MISSING if kept < records else Verdict.NO_TRADE
    if any(MONDAY + at * MINUTE <= moment < MONDAY + (at + size) * MINUTE for at, size in empty):
        return Verdict.KNOWN_EMPTY
    if condition == "missing":
        return Verdict.KNOWN_EMPTY
    if condition == "pending" or (available is not None and moment >= max(available, now)):
        return Verdict.NOT_YET_AVAILABLE
    return Verdict.DEGRADED if condition == "degraded" else Verdict.MISSING
