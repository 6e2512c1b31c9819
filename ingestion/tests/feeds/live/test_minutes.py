"""Closing minutes, with records made by hand."""

import itertools

import pytest

from ingestion.dbn.layout import UNDEFINED_PRICE, UNDEFINED_TIME
from ingestion.dbn.writer import empty_records
from ingestion.feeds.errors import FeedRefused
from ingestion.feeds.live.messages import Subscription
from ingestion.feeds.live.minutes.bars import find_fault, parse_bar
from ingestion.feeds.live.minutes.clock import HOUR, MINUTE, SECOND, GatewayClock
from ingestion.feeds.live.minutes.collect import MinuteCollector, Outlets
from ingestion.feeds.live.minutes.doubts import MAX_TRIES, Doubts
from ingestion.feeds.live.minutes.holes import HoleFinder
from ingestion.feeds.live.minutes.hours import OpenHours
from ingestion.feeds.live.targets import Targets

T0 = 1_795_014_000 * SECOND  # 2026-11-18 15:00 UTC
ONE, TWO = 101, 202


def make_bar(minute=0, instrument=ONE, price=100, **fields):
    """The bar of the minute `minute` after T0."""
    row = empty_records(1, instrument_id=instrument)
    row["ts_event"] = T0 + minute * MINUTE
    for name in ("open", "high", "low", "close"):
        row[name] = price
    row["volume"] = 1
    for name, value in fields.items():
        row[name] = value
    return parse_bar(row.tobytes())


class Collected:
    """A collector of two series, what it emitted and refused. Its monotonic time is `at`."""

    def __init__(self, *, is_replay=False, hours=((T0 - HOUR, T0 + 24 * HOUR),), doubts=None):
        self.batches, self.refused = [], []
        subscriptions = [
            Subscription(1, "A1!", "A.c.0", "continuous", "AZ6", "raw_symbol"),
            Subscription(2, "B1!", "B.c.0", "continuous", "BZ6", "raw_symbol"),
        ]
        targets = Targets("GLBX.MDP3", subscriptions)
        targets.add_mapping(ONE, "AZ6", "AZ6")
        targets.add_mapping(TWO, "BZ6", "BZ6")
        self.doubts = doubts or Doubts()
        self.at = 1000.0
        self.minutes = MinuteCollector(
            targets=targets,
            hours=OpenHours(hours),
            doubts=self.doubts,
            outlets=Outlets(
                lambda bars, is_replay: self.batches.append(bars), lambda raw, why: self.refused.append(why)
            ),
            is_replay=is_replay,
            close_after=10,
            monotonic=self.at,
        )
        self.minutes.add_time(T0, self.at)

    def add(self, *bars):
        for bar in bars:
            self.minutes.add_bar(bar, self.at)

    def close(self, minute):
        """END_OF_INTERVAL of a minute after T0, when it is over."""
        self.at += 60
        self.minutes.add_interval(T0 + (minute + 1) * MINUTE, self.at)

    @property
    def emitted(self):
        return [[(bar.minute - T0) // MINUTE for bar in batch] for batch in self.batches]


def test_a_minute_is_emitted_when_the_gateway_closes_it():
    one = Collected()
    one.add(make_bar(0), make_bar(0, TWO))
    assert one.emitted == []
    one.close(0)
    one.close(1)  # without a trade
    assert one.emitted == [[0, 0]]
    assert (one.minutes.replay_from, one.minutes.closed_until) == (T0, T0 + 2 * MINUTE)


def test_a_minute_without_an_end_is_closed_by_the_gateways_time():
    one = Collected()
    one.at += 60
    one.add(make_bar(0))
    one.minutes.check_time(one.at + 9)
    assert one.emitted == []
    one.minutes.check_time(one.at + 11)
    assert one.emitted == [[0]]
    assert one.minutes.closed_until is None  # which proves nothing
    one.at += 11
    one.add(make_bar(0, TWO))
    one.close(0)
    assert one.emitted == [[0], [0]]


def test_a_repeated_bar_is_counted_and_a_changed_one_emitted_later():
    one = Collected()
    one.add(make_bar(0), make_bar(0), make_bar(0, price=101))
    one.close(0)
    assert [[bar.prices[0] for bar in batch] for batch in one.batches] == [[100], [101]]
    one.add(make_bar(0, price=102))
    assert [bar.prices[0] for bar in one.batches[-1]] == [102]
    assert (one.minutes.counts.bars, one.minutes.counts.repeated, one.minutes.counts.late) == (4, 3, 0)
    assert one.doubts.list_wanted() == [T0]


def test_a_late_bar_is_a_batch_of_its_own():
    one = Collected()
    one.add(make_bar(0))
    one.close(0)
    one.add(make_bar(1))
    one.add(make_bar(0, TWO))
    assert one.emitted == [[0], [0]]
    assert one.minutes.counts.late == 1
    one.close(1)
    assert one.emitted == [[0], [0], [1]]


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"rtype": 0x20}, "is a record of ohlcv-1s"),
        ({"rtype": 0xAA}, "is a record of type 170"),
        ({"ts_event": UNDEFINED_TIME}, "has no time"),
        ({"ts_event": T0 + SECOND}, "does not begin"),
        ({"ts_event": T0 - 27 * HOUR}, "is older"),
        ({"close": UNDEFINED_PRICE}, "undefined price"),
        ({"high": 99}, "has a high"),
        ({"low": 101, "high": 200}, "has a low"),
        ({"volume": 2**64 - 1}, "undefined volume"),
        ({"instrument_id": 99}, "instrument 99"),
    ],
)
def test_an_invalid_record_is_refused_alone(fields, words):
    one = Collected()
    one.add(make_bar(0), make_bar(0, TWO, **({"instrument_id": TWO} | fields)))
    one.close(0)
    assert one.emitted == [[0]]
    assert words in one.refused[0]
    assert one.doubts.list_wanted() == [T0]


def test_valid_values_at_the_limits_are_no_faults():
    assert not find_fault(make_bar(price=-5), T0)
    assert not find_fault(make_bar(price=0, volume=0), T0)
    assert not find_fault(make_bar(price=UNDEFINED_PRICE - 1, volume=2**63 - 1), None)


def test_a_bar_of_the_future_waits_for_the_gateways_time():
    """After a break the gateway's time may be known late: heartbeats are rare."""
    one = Collected()
    one.add(make_bar(30), make_bar(90, TWO))
    assert (one.emitted, one.refused) == ([], [])
    one.minutes.add_interval(T0 + 31 * MINUTE, one.at)
    assert one.emitted == [[30]]
    assert "has not begun" in one.refused[0]
    assert one.doubts.list_wanted() == [T0 + 30 * MINUTE]  # which the refused record may be of


def test_minutes_that_are_skipped_in_open_hours_are_in_doubt():
    one = Collected(hours=[(T0, T0 + 3 * MINUTE), (T0 + 60 * MINUTE, T0 + HOUR * 2)])
    one.close(0)
    one.minutes.add_time(T0 + 61 * MINUTE, one.at)
    one.close(61)
    assert one.doubts.list_wanted() == [T0 + MINUTE, T0 + 2 * MINUTE, T0 + 60 * MINUTE]
    one.close(1)  # late
    assert one.doubts.list_all(T0, T0 + 61 * MINUTE) == (T0 + 2 * MINUTE, T0 + 60 * MINUTE)


def test_replayed_minutes_share_batches_and_prove_nothing_before_the_end():
    one = Collected(is_replay=True)
    one.minutes.add_time(T0 + 3 * HOUR, one.at)
    for minute in range(150):
        one.add(make_bar(minute), make_bar(minute, TWO))
        one.minutes.add_interval(T0 + (minute + 1) * MINUTE, one.at)
    one.minutes.end_replay(T0 + 150 * MINUTE, one.at)
    assert [(batch[0], batch[-1]) for batch in one.emitted] == [(0, 60), (61, 121), (122, 149)]
    assert sum(map(len, one.emitted)) == 300


def test_a_replay_without_intervals_is_closed_by_its_end():
    one = Collected(is_replay=True)
    one.add(make_bar(0), make_bar(5))
    one.minutes.end_replay(T0 + 6 * MINUTE + 20 * SECOND, one.at)
    assert one.emitted == [[0, 5]]
    assert one.minutes.closed_until == T0 + 6 * MINUTE
    one.close(6)
    assert one.doubts.list_wanted() == []


def test_subscriptions_may_be_replayed_one_after_the_other():
    one = Collected(is_replay=True)
    one.minutes.add_time(T0 + 10 * MINUTE, one.at)
    for instrument, first in ((ONE, 5), (TWO, 0)):
        for minute in range(first, 9):
            one.add(make_bar(minute, instrument))
            one.minutes.add_interval(T0 + (minute + 1) * MINUTE, one.at)
    one.minutes.end_replay(T0 + 9 * MINUTE, one.at)
    assert sorted(itertools.chain(*one.emitted)) == sorted([*range(5, 9), *range(9)])
    assert len(one.batches) == 1
    assert (one.minutes.replay_from, one.minutes.counts.late) == (T0, 0)


def test_a_session_that_ends_loses_no_bar():
    one = Collected()
    one.add(make_bar(0), make_bar(1))
    one.minutes.finish(one.at)
    assert list(itertools.chain(*one.emitted)) == [0, 1]
    assert one.minutes.closed_until is None


def test_after_skipped_records_the_last_hour_is_in_doubt():
    one = Collected()
    one.close(0)
    one.minutes.report_skipped(one.at)
    one.close(1)
    wanted = one.doubts.list_wanted()
    assert wanted[0] >= T0 - HOUR and wanted[-1] == T0 + MINUTE and T0 in wanted


def test_a_doubt_ends_when_another_session_closes_the_minute():
    first = Collected()
    first.add(make_bar(0, high=1))
    first.close(0)
    assert first.doubts.list_all(T0, T0 + MINUTE) == (T0,)
    second = Collected(doubts=first.doubts)
    second.add(make_bar(0))
    second.close(0)
    assert first.doubts.list_all(T0, T0 + MINUTE) == ()


def test_after_some_tries_a_minute_is_left_to_history():
    doubts = Doubts()
    doubts.add(T0)
    for _ in range(MAX_TRIES):
        assert doubts.list_wanted() == [T0]
        doubts.begin_session(T0 + MINUTE)  # too late
        doubts.count_tries(T0 + HOUR)
        doubts.begin_session(T0)
        doubts.count_tries(T0)  # it ended before the minute was closed
        for _ in range(2):
            doubts.count_tries(T0 + MINUTE)
        doubts.add(T0)
    assert doubts.list_wanted() == []
    assert doubts.list_all(T0, T0 + MINUTE) == (T0,)
    doubts.forget_before(T0 + MINUTE)
    assert doubts.list_all(T0, T0 + MINUTE) == ()


def test_sessions_that_close_no_minute_are_no_tries():
    doubts = Doubts()
    doubts.add(T0)
    for _ in range(10 * MAX_TRIES):
        doubts.begin_session(T0)
    assert doubts.list_wanted() == [T0]


def test_a_minute_that_gets_into_doubt_within_a_session_is_requested_by_the_next():
    doubts = Doubts()
    doubts.begin_session(T0)
    doubts.add(T0)
    doubts.count_tries(T0 + MINUTE)
    for _ in range(MAX_TRIES):
        assert doubts.list_wanted() == [T0]
        doubts.begin_session(T0)
        doubts.count_tries(T0 + MINUTE)
    assert doubts.list_wanted() == []


def test_three_minutes_without_a_bar_of_a_busy_instrument_are_a_hole():
    finder = HoleFinder()
    for minute in range(60):
        assert finder.add(ONE, minute, minute != 7) == []
    assert [finder.add(ONE, minute, False) for minute in (60, 61)] == [[], []]
    assert finder.add(ONE, 62, False) == [60, 61, 62]
    assert finder.add(ONE, 63, False) == [63]
    assert [finder.add(TWO, minute, minute % 3 == 0) for minute in range(100)] == [[]] * 100  # a quiet one


def test_one_minute_without_a_bar_of_an_instrument_with_one_in_each_minute_is_a_hole():
    finder = HoleFinder()
    assert [finder.add(ONE, minute, True) for minute in range(60)] == [[]] * 60
    assert finder.add(ONE, 60, False) == [60]
    assert finder.add(ONE, 61, False) == [61]
    assert finder.add(ONE, 62, True) == []
    assert finder.add(ONE, 63, False) == []  # one hour has two minutes without a trade now
    assert [finder.add(TWO, minute, minute != 60, is_replay=True) for minute in range(62)] == [[]] * 62


def test_a_hole_is_requested_again_once():
    one = Collected()
    for minute in range(60):
        one.add(make_bar(minute))
        one.close(minute)
    for minute in (60, 61, 62):
        one.close(minute)
    assert one.doubts.list_wanted() == [T0 + minute * MINUTE for minute in (60, 61, 62)]
    assert not one.doubts.add_hole(ONE, T0 + 61 * MINUTE)


def test_the_gateways_time_runs_on_and_is_corrected():
    clock = GatewayClock()
    assert clock.get_time(5.0) is None
    clock.state_now(UNDEFINED_TIME, 5.0)
    assert clock.get_time(5.0) is None
    clock.state_now(T0, 5.0)
    assert clock.get_time(7.5) == T0 + 5 * SECOND // 2
    clock.state_past(T0 - HOUR, 8.0)  # of a replay
    assert clock.get_time(8.0) == T0 + 3 * SECOND
    clock.state_now(T0 - HOUR, 9.0)  # set back
    assert clock.get_time(9.0) == T0 - HOUR


def test_open_hours():
    hours = OpenHours([(T0 + HOUR, T0 + 2 * HOUR), (T0, T0 + 2 * MINUTE)])
    assert hours.find_open(T0) == T0
    assert hours.find_open(T0 + 2 * MINUTE) is None
    assert hours.find_open(T0 - 1) is None
    assert list(hours.list_minutes(T0 + MINUTE, T0 + HOUR + MINUTE)) == [T0 + MINUTE, T0 + HOUR]
    assert OpenHours([]).find_open(T0) is None


class FullDisk:
    """A list of batches that refuses each."""

    def append(self, batch):
        raise FeedRefused("There is no space.")


@pytest.mark.parametrize("is_replay", [False, True])
def test_a_minute_that_the_spool_refuses_does_not_count_as_closed(is_replay):
    collected = Collected(is_replay=is_replay)
    collected.add(make_bar(0))
    collected.close(0)
    closed_until = collected.minutes.closed_until
    collected.batches = FullDisk()
    collected.add(make_bar(1), *(make_bar(minute) for minute in range(2, 70) if is_replay))
    with pytest.raises(FeedRefused):
        collected.close(69 if is_replay else 1)
    assert collected.minutes.closed_until == closed_until
