"""The receiver against the gateway, by the vendor's own protocol class: what each fault ends in."""

import socket
import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from config.testing.feeds.gateway.clock import Clock
from config.testing.feeds.historical import KEY
from config.testing.feeds.live import FakeLive
from config.testing.feeds.market import Market
from config.testing.feeds.times import to_ns
from ingestion.errors import IngestError
from ingestion.feeds.errors import FeedRefused, KeyMissing, TryAgain
from ingestion.feeds.live.messages import (
    BatchSpooled,
    FeedStopped,
    PlanRequested,
    SessionProgress,
    SessionStarted,
    StateChanged,
    Subscription,
)
from ingestion.feeds.live.minutes.clock import MINUTE
from ingestion.feeds.live.minutes.doubts import MAX_TRIES
from ingestion.feeds.live.options import LiveOptions
from ingestion.feeds.live.receiver import Receiver
from ingestion.feeds.live.spool import list_quarantined
from ingestion.tests.feeds.live.receiving import HOUR, Scene, read_batch

OPEN = "2026-11-18T15:00:00"  # a Wednesday, 09:00 in Chicago
SPEED = 400  # a minute takes 150 ms


def make_gateway(start=OPEN, **how):
    return FakeLive(Market(), clock=Clock(start=start, speed=SPEED), **how).start()


def make_options(gateway, **changes):
    values = {
        "heartbeat": 5,
        "silence": 1,
        "connect": 1,
        "no_bars": 2,
        "longest_pause": 2,
        "repeat_after": 1,
        "plan": 1,
    }
    return LiveOptions(**({"host": "127.0.0.1", "port": gateway.port} | values | changes))


@pytest.fixture
def gateway(settings):
    settings.DATABENTO_API_KEY = KEY
    server = make_gateway()
    yield server
    server.stop()


@pytest.fixture
def scene(gateway, tmp_path):
    return Scene(gateway, tmp_path / "live", make_options(gateway))


def test_replay_and_live_bars_are_spooled_once(scene):
    with scene.receive():
        scene.wait_for_minutes(5)
    scene.check()
    assert scene.ends == ["stopped"]
    assert [event.state for event in scene.list_events(StateChanged)][-2:] == ["live", "stopped"]
    assert len(scene.list_events(SessionStarted)) == 1
    assert len(list(scene.folder.glob("*.dbn"))) < 20  # the replay is not a file a minute


@pytest.mark.slow
def test_no_bar_is_lost_whatever_ends_the_sessions(scene):
    kinds = ("rst_at_once", "close_at_auth", "half_rst", "garbage", "eof")
    for number, kind in enumerate(kinds, start=1):
        scene.gateway.fault(kind, session=number, after=0 if number < 3 else 240)
    with scene.receive():
        scene.wait(lambda: len(scene.ends) == len(kinds), 25)
        scene.wait_for_minutes(2)
    assert scene.ends == ["reset", "eof", "reset", "garbage", "eof", "stopped"]
    scene.check()


def test_invalid_records_are_kept_and_their_minutes_requested_again(scene):
    for kind in (*REFUSED, "dup", "late", "dup_changed"):
        scene.gateway.fault(kind, after=240)
    with scene.receive():
        scene.wait(lambda: scene.ends and not any(fault.times for fault in scene.gateway.faults))
        scene.wait_for_minutes(3)
        scene.wait(lambda: not scene.list_events(SessionProgress)[-1].unproven)
    assert set(scene.ends[:-1]) == {"replay"}
    scene.check(quarantined=len(REFUSED))


def test_a_minute_in_doubt_is_requested_though_the_plan_begins_later(scene):
    """The main thread plans by what is stored, which is not every minute before it."""
    first = scene.make_plan()
    later = replace(first.subscriptions[0], start_ns=scene.gateway.clock() + 10 * MINUTE)
    rest = replace(first.subscriptions[1], start_ns=later.start_ns)
    plans = iter([first, replace(first, subscriptions=(later, rest))])
    scene.plan = lambda event: next(plans)
    scene.gateway.fault("bad_ohlc", after=237)
    with scene.receive():
        scene.wait(lambda: scene.closed_until > later.start_ns and scene.ends, 20)
        scene.wait(lambda: not scene.list_events(SessionProgress)[-1].unproven)
        scene.wait_for_minutes(2)
    assert scene.ends == ["replay", "stopped"]
    assert max(scene.gateway.sessions[1].starts) < later.start_ns
    scene.check(quarantined=1)


@pytest.mark.slow
def test_a_wrong_bar_is_requested_again_after_any_number_of_sessions_that_do_not_begin(scene):
    """The gateway was away meanwhile, and the plan begins later than the wrong bar."""
    first = scene.make_plan()
    later = [replace(one, start_ns=scene.gateway.clock() + 10 * MINUTE) for one in first.subscriptions]
    plans = iter([first])
    scene.plan = lambda event: next(plans, replace(first, subscriptions=tuple(later)))
    scene.gateway.fault("dup_changed", after=3)
    scene.gateway.fault("eof", after=200, session=1)
    for number in range(2, 3 + MAX_TRIES):
        scene.gateway.fault("rst_at_once", session=number)
    with scene.receive():
        scene.wait(lambda: len(scene.ends) == 2 + MAX_TRIES, 30)
        scene.wait(lambda: (scene.closed_until or 0) > later[0].start_ns, 20)
        scene.wait_for_minutes(2)
    assert scene.ends == ["eof", *["reset"] * (1 + MAX_TRIES), "stopped"]
    scene.check()


def test_minutes_that_another_process_did_not_prove_are_requested_by_the_first_session_only(scene):
    first, clock = scene.make_plan(), scene.gateway.clock()
    later = [replace(one, start_ns=clock // MINUTE * MINUTE - 10 * MINUTE) for one in first.subscriptions]
    unproven = scene.start + 5 * MINUTE
    scene.plan = lambda event: replace(first, subscriptions=tuple(later), unproven=(unproven,))
    scene.gateway.fault("eof", after=300)
    with scene.receive():
        scene.wait(lambda: len(scene.gateway.sessions) == 2 and scene.gateway.sessions[1].started, 20)
        scene.wait_for_minutes(2)
    assert [set(session.starts) for session in scene.gateway.sessions] == [{unproven}, {later[0].start_ns}]


AT_CONNECT = {
    "close_at_once": "eof",
    "rst_at_once": "reset",
    "no_greeting": "silent",
    "no_auth_answer": "silent",
    "close_at_auth": "eof",
    "silent_start": "silent",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", AT_CONNECT)
def test_a_session_that_does_not_begin_is_followed_by_another(scene, kind):
    scene.gateway.fault(kind)
    with scene.receive():
        scene.wait(lambda: scene.ends)
        scene.wait(lambda: scene.closed_until)
    assert scene.ends == [AT_CONNECT[kind], "stopped"]
    scene.check()


ENDS = {"eof": "eof", "rst": "reset", "half_eof": "eof", "half_rst": "reset", "error": "error", "garbage": "garbage"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ENDS)
def test_no_bar_is_lost_when_a_session_ends(scene, kind):
    scene.gateway.fault(kind, after=240)
    with scene.receive():
        scene.wait(lambda: scene.ends)
        scene.wait_for_minutes(2)
    assert scene.ends == [ENDS[kind], "stopped"]
    scene.check()


REFUSED = {
    "bad_ohlc": "has a high that is below",
    "undefined_price": "has an undefined price",
    "off_minute": "does not begin at the start of a minute",
    "other_schema": "is a record of ohlcv-1s",
    "unmapped": "is of instrument 99, which no subscribed symbol has",
    "future": "has not begun by the gateway's time",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", REFUSED)
def test_a_refused_record_is_kept_and_its_minute_requested_again(scene, kind):
    scene.gateway.fault(kind, after=240)
    with scene.receive():
        scene.wait(lambda: scene.ends)
        scene.wait_for_minutes(2)
        scene.wait(lambda: not scene.list_events(SessionProgress)[-1].unproven)
    assert scene.ends == ["replay", "stopped"]
    scene.check(quarantined=1)
    assert REFUSED[kind] in list_quarantined(scene.folder)[0].reason


@pytest.mark.slow
@pytest.mark.parametrize("kind, sessions", [("dup", 1), ("late", 1), ("dup_changed", 2), ("skipped", 2)])
def test_repeated_late_and_skipped_bars(scene, kind, sessions):
    scene.gateway.fault(kind, after=240)
    with scene.receive():
        scene.wait(lambda: len(scene.ends) == sessions - 1 and scene.gateway.faults[0].times == 0)
        scene.wait_for_minutes(4)
        scene.wait(lambda: len(scene.ends) == sessions - 1)
    assert len(scene.gateway.sessions) == sessions
    scene.check()


@pytest.mark.slow
def test_minutes_that_the_gateway_never_closes_are_requested_again(scene):
    scene.gateway.fault("no_bars", after=240, seconds=0.2)
    with scene.receive():
        scene.wait(lambda: scene.ends)
        scene.wait_for_minutes(1)
    assert scene.ends[0] == "replay"
    scene.check()


@pytest.mark.slow
def test_heartbeats_without_bars_in_open_hours_end_the_session(scene):
    scene.gateway.fault("no_bars", after=240, seconds=30, every=0.2)
    with scene.receive():
        scene.wait(lambda: scene.ends)
        scene.wait_for_minutes(1)
    assert scene.ends[0] == "no_bars"
    scene.check()


@pytest.mark.slow
def test_a_closed_exchange_is_no_outage(settings, tmp_path):
    """21:50 UTC is ten minutes before the break of an hour."""
    settings.DATABENTO_API_KEY = KEY
    gateway = FakeLive(Market(), clock=Clock(start="2026-11-18T21:58:00", speed=900)).start()
    scene = Scene(gateway, tmp_path / "live", make_options(gateway, no_bars=1))
    try:
        with scene.receive():
            scene.wait(lambda: scene.closed_until >= to_ns("2026-11-18T23:05:00"))
        assert scene.ends == ["stopped"]
        scene.check()
    finally:
        gateway.stop()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [3600, -600])
def test_the_gateways_clock_may_jump(scene, seconds):
    scene.gateway.fault("clock_jump", after=240, seconds=seconds)
    with scene.receive():
        scene.wait(lambda: not scene.gateway.faults[0].times)
        scene.wait(lambda: scene.gateway.clock() > to_ns(OPEN) + 15 * MINUTE)
        scene.wait(lambda: scene.closed_until)
    scene.check()


@pytest.mark.parametrize("offset", [5, -5])
def test_this_machines_clock_may_be_wrong_by_hours(gateway, tmp_path, monkeypatch, offset):
    """Only the main thread's plan may depend on it. Without stored bars it begins 23:50 hours before the time."""
    scene = Scene(gateway, tmp_path / "live", make_options(gateway), back=20 * HOUR)
    wrong = gateway.clock() + (24 + offset) * HOUR

    def plan(event):
        now = event.gateway_time_ns or wrong
        scene.start = (now - 24 * HOUR + 10 * MINUTE) // MINUTE * MINUTE
        return scene.make_plan()

    scene.plan = plan
    with scene.receive():
        scene.wait(lambda: scene.closed_until)
    assert scene.ends == (["replay", "stopped"] if offset > 0 else ["stopped"])
    assert len(list_quarantined(scene.folder)) == 0


@pytest.mark.slow
def test_errors_without_end_do_not_become_a_hot_loop(scene):
    scene.options = make_options(scene.gateway, longest_pause=60)
    scene.gateway.fault("error", times=1000)
    with scene.receive():
        time.sleep(12)
    assert 3 <= len(scene.gateway.sessions) <= 7


FATAL = {
    "auth_failed": "DATABENTO_API_KEY",
    "api_key_deactivated": "DATABENTO_API_KEY",
    "connection_limit_exceeded": "end other programs",
    "invalid_subscription": "subscriptions",
}


@pytest.mark.parametrize("code", FATAL)
def test_a_fatal_error_stops_with_advice(scene, code):
    scene.gateway.fault("error", after=10, code=code, err="It is refused", times=100)
    with scene.receive() as receiver:
        scene.wait(lambda: scene.list_events(FeedStopped))
        scene.wait(lambda: not receiver.is_alive())
    error = scene.list_events(FeedStopped)[0].error
    assert isinstance(error, FeedRefused)
    assert "It is refused" in str(error) and FATAL[code] in str(error)
    assert len(scene.gateway.sessions) == 1


@pytest.mark.parametrize(
    "text, words",
    [("Authentication failed.", "check the key"), ("User has reached their open connection limit.", "other programs")],
)
def test_a_refused_key_stops(scene, text, words, caplog):
    caplog.set_level("DEBUG")
    scene.gateway.fault("refuse_auth", error=text)
    with scene.receive():
        scene.wait(lambda: scene.list_events(FeedStopped))
    assert words in str(scene.list_events(FeedStopped)[0].error)
    assert KEY not in repr(scene.events) + caplog.text
    assert KEY[-5:] not in caplog.text  # which the vendor's client logs with its answer
    assert len(scene.gateway.sessions) == 1


def test_a_gateway_that_fails_to_check_the_key_is_tried_again(scene):
    scene.gateway.fault("refuse_auth", error="Internal error, try again later")
    with scene.receive():
        scene.wait(lambda: scene.closed_until)
    assert scene.ends == ["refused", "stopped"]


def test_no_key_is_refused_before_anything_begins(tmp_path, settings):
    settings.DATABENTO_API_KEY = ""
    with pytest.raises(KeyMissing, match="DATABENTO_API_KEY"):
        Receiver(datasets=["GLBX.MDP3"], events=None, folder=tmp_path, options=LiveOptions())


def test_nothing_listens_for_a_while(scene):
    scene.gateway.down()
    with scene.receive():
        scene.wait(lambda: scene.ends)
        scene.gateway.up()
        scene.wait(lambda: scene.closed_until)
    assert set(scene.ends) == {"unreachable", "stopped"}
    scene.check()


def test_a_name_server_that_does_not_answer_keeps_no_process(scene, monkeypatch):
    is_over, resolve = threading.Event(), socket.getaddrinfo

    def wait(host, *arguments, **options):
        if host == "slow.invalid":
            is_over.wait(30)
        return resolve(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    scene.options = replace(scene.options, host="slow.invalid", connect=30)
    others = set(threading.enumerate())
    with scene.receive():
        time.sleep(0.5)  # leaving the block requires that the receiver ends within a second
    left = set(threading.enumerate()) - others
    assert all(thread.daemon for thread in left)
    assert scene.ends == ["stopped"]
    is_over.set()


@pytest.mark.slow
def test_a_start_that_the_gateway_does_not_replay_is_lowered(settings, tmp_path):
    settings.DATABENTO_API_KEY = KEY
    gateway = make_gateway(replay_hours=3, aged_out="error")
    scene = Scene(gateway, tmp_path / "live", make_options(gateway), back=20 * HOUR)
    try:
        with scene.receive():
            scene.wait(lambda: scene.closed_until)
            scene.start = max(gateway.sessions[-1].starts)
        scene.check()
        assert set(scene.ends) == {"error", "stopped"}
    finally:
        gateway.stop()


def test_a_plan_that_does_not_come_is_replaced_by_the_last_one(scene):
    """The main thread waits for the database. Everything received meanwhile is on the disk."""
    first = scene.make_plan()
    scene.plan = lambda event: first if len(scene.list_events(PlanRequested)) == 1 else pytest.fail("busy")
    scene._fill, fill = lambda event: len(scene.list_events(PlanRequested)) == 1 and fill(event), scene._fill
    scene.gateway.fault("eof", after=240)
    with scene.receive():
        scene.wait(lambda: scene.ends)
        scene.wait_for_minutes(2)
    assert scene.ends == ["eof", "stopped"]
    assert min(scene.gateway.sessions[1].starts) > scene.start
    scene.check()


def test_a_plan_may_fail_for_now_or_for_good(scene):
    errors = [TryAgain("The vendor does not answer."), FeedRefused("No series is live.")]
    scene.plan = lambda event: (_ for _ in ()).throw(errors.pop(0))
    with scene.receive():
        scene.wait(lambda: scene.list_events(FeedStopped))
    states = [(event.state, event.reason) for event in scene.list_events(StateChanged)]
    assert ("reconnecting", "The vendor does not answer.") in states
    assert states[-1] == ("stopped", "No series is live.")
    assert not scene.gateway.sessions


def test_a_roll_and_a_renewal_begin_a_new_session_at_once(scene):
    roll = (scene.gateway.clock() // MINUTE + 3) * MINUTE
    plans = iter([scene.make_plan(replan_at_ns=roll), *[scene.make_plan()] * 3])
    scene.plan = lambda event: next(plans)
    with scene.receive() as receiver:
        scene.wait(lambda: scene.ends == ["roll"])
        scene.wait_for_minutes(1)
        receiver.renew("GLBX.MDP3", "replay", "The live series have changed.")
        scene.wait(lambda: scene.ends == ["roll", "replay"])
        scene.wait_for_minutes(1)
    scene.check()


def test_a_symbol_that_is_not_resolved_does_not_stop_the_others(scene):
    nope = Subscription(9, "NOPE", "NOPE", "raw_symbol", "NOPE", "raw_symbol", scene.start)
    plan = scene.make_plan()
    scene.plan = lambda event: replace(plan, subscriptions=(*plan.subscriptions, nope))
    scene.gateway.fault("remap", after=240, symbol=plan.subscriptions[0].vendor_symbol, instrument_id=1_202_703)
    with scene.receive():
        scene.wait(lambda: scene.closed_until and not scene.gateway.faults[0].times)
        scene.wait_for_minutes(2)
    scene.check()
    assert scene.list_events(SessionProgress)[-1].unresolved == ("NOPE",)
    states = {(event.state, event.reason) for event in scene.list_events(StateChanged)}
    assert ("live", "Symbol NOPE could not be resolved") in states
    assert scene.ends == ["stopped"]


def test_an_unresolved_symbol_is_subscribed_again_after_an_hour_of_the_gateway(scene):
    nope = Subscription(9, "NOPE", "NOPE", "raw_symbol", "NOPE", "raw_symbol", scene.start)
    plan = scene.make_plan()
    scene.plan = lambda event: replace(plan, subscriptions=(*plan.subscriptions, nope))
    with scene.receive():
        scene.wait(lambda: scene.closed_until)
        scene.plan = lambda event: plan
        assert scene.ends == []
        scene.gateway.clock.jump(3_600)
        scene.wait(lambda: scene.ends == ["replay"])
        scene.wait_for_minutes(1)
    scene.check()


def test_a_session_that_begins_on_a_closed_day_is_not_called_live(scene):
    scene.hours = ((scene.start + 120 * HOUR, scene.start + 144 * HOUR),)
    scene.symbols = ()
    scene.plan = lambda event: scene.make_plan(
        subscriptions=(Subscription(9, "NOPE", "NOPE", "raw_symbol", "NOPE", "raw_symbol", scene.start),)
    )
    scene.instruments = []
    with scene.receive():
        scene.wait(lambda: any(event.state == "closed" for event in scene.list_events(StateChanged)))
    assert "live" not in {event.state for event in scene.list_events(StateChanged)}


def test_all_contracts_of_a_parent_symbol_are_received(scene):
    parent = Subscription(1, "MNQ.FUT", "MNQ.FUT", "parent", "MNQ.FUT", "parent", scene.start)
    scene.plan = lambda event: scene.make_plan(subscriptions=(parent,))
    with scene.receive():
        scene.wait(lambda: scene.closed_until)
    metadata, records = read_batch(scene.list_events(BatchSpooled)[0].path)
    assert {mapped.symbol for mapped in metadata.mappings} == {"MNQZ6", "MNQH7", "MNQZ6-MNQH7"}
    assert (metadata.symbols, metadata.stype_in) == (("MNQ.FUT",), "parent")
    assert len(set(records["instrument_id"].tolist())) == 3


def test_a_folder_that_cannot_be_written_ends_the_session_not_the_program(scene, monkeypatch):
    from ingestion.feeds.live import spool

    write, failures = spool._write_whole, [FeedRefused("The disk is full.")]

    def fail_once(path, content):
        if failures:
            raise failures.pop()
        write(path, content)

    monkeypatch.setattr(spool, "_write_whole", fail_once)
    with scene.receive():
        scene.wait(lambda: scene.closed_until)
    assert scene.ends == ["error", "stopped"]
    scene.check()


@pytest.mark.slow
def test_sessions_are_named_so_that_their_files_sort(scene):
    scene.gateway.fault("eof", after=240)
    with scene.receive():
        scene.wait(lambda: scene.ends)
        scene.wait_for_minutes(1)
    keys = [event.key for event in scene.list_events(SessionStarted)]
    assert keys == sorted(set(keys))
    again = Scene(scene.gateway, scene.folder, scene.options)
    with again.receive():
        again.wait(lambda: again.list_events(SessionStarted))
    assert again.list_events(SessionStarted)[0].key > keys[-1]
    assert scene.list_events(SessionStarted)[0].at - again.list_events(SessionStarted)[0].at < timedelta(0)
    assert issubclass(FeedRefused, IngestError)
