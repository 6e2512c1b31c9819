"""Settings, pauses, subscriptions, and sentences of the live feed."""

import socket

import pytest

from config.testing.feeds.times import to_ns
from ingestion.feeds.errors import FeedRefused
from ingestion.feeds.live.listener import lower_starts, raise_starts
from ingestion.feeds.live.messages import SessionPlan, Subscription
from ingestion.feeds.live.options import LiveOptions
from ingestion.feeds.live.pauses import STEADY_SECONDS, Pauses, SessionRate, is_weekly_restart
from ingestion.feeds.live.session import describe_connect_error, group_subscriptions, refuse_authentication
from ingestion.feeds.live.supervisor import remove_repeat_advice


@pytest.mark.parametrize(
    "address, host, port",
    [
        ("", "glbx-mdp3.lsg.databento.com", 13000),
        ("127.0.0.1:4242", "127.0.0.1", 4242),
        ("gateway.example", "gateway.example", 13000),
        ("[::1]:4242", "::1", 4242),
    ],
)
def test_the_gateway_is_a_setting(settings, address, host, port):
    settings.DATABENTO_LIVE_GATEWAY = address
    options = LiveOptions.read()
    assert (options.find_host("GLBX.MDP3"), options.port) == (host, port)
    assert options.format_gateway("GLBX.MDP3") == (f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:4242", "127.0.0.1:0", "127.0.0.1:99999", ":13000", "a b:1", "a:"]
)
def test_another_address_is_refused(settings, address):
    settings.DATABENTO_LIVE_GATEWAY = address
    with pytest.raises(FeedRefused, match="DATABENTO_LIVE_GATEWAY is not an address"):
        LiveOptions.read()


@pytest.mark.parametrize(
    "name, value",
    [
        ("LIVE_HEARTBEAT_SECONDS", 4),
        ("LIVE_HEARTBEAT_SECONDS", 1801),
        ("LIVE_NO_BARS_SECONDS", 0),
        ("LIVE_SILENCE_SECONDS", 86401),
        ("LIVE_LONGEST_PAUSE_SECONDS", 10**30),
    ],
)
def test_a_setting_that_cannot_be_is_refused(settings, name, value):
    setattr(settings, name, value)
    with pytest.raises(FeedRefused, match=name):
        LiveOptions.read()


def test_pauses_double_and_start_again_after_a_minute_with_bars():
    pauses = Pauses(60)
    chosen = [pauses.choose(0) for _ in range(9)]
    expected = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert all(wanted / 2 <= pause <= wanted for pause, wanted in zip(chosen, expected, strict=True))
    assert pauses.choose(STEADY_SECONDS - 1) >= 30
    assert pauses.choose(STEADY_SECONDS) <= 1
    assert sum(expected[:7]) / 2 > 60  # fewer than ten sessions in a minute


@pytest.mark.parametrize("longest", [1, 2, 3, 60])
@pytest.mark.parametrize("lasts", [0.0, 0.5, 3.0])
def test_at_most_twenty_sessions_begin_in_a_minute(longest, lasts):
    pauses, rate, now, begun = Pauses(longest), SessionRate(), 1000.0, []
    for _ in range(300):
        now += rate.find_delay(now)
        rate.begin(now)
        begun.append(now)
        now += lasts + pauses.choose(0)
    assert max(sum(start <= one < start + 60 for one in begun) for start in begun) <= 20
    now += 60
    assert rate.find_delay(now) == 0, "after a minute without a session, another begins at once"


@pytest.mark.parametrize(
    "dataset, at, expected",
    [
        ("GLBX.MDP3", "2026-11-21T08:15", True),  # 02:15 in Chicago in winter
        ("GLBX.MDP3", "2026-07-18T07:15", True),  # and in summer
        ("GLBX.MDP3", "2026-07-18T08:15", False),
        ("GLBX.MDP3", "2026-11-20T08:15", False),
        ("IFEU.IMPACT", "2026-11-22T09:50", True),
        ("XNAS.ITCH", "2026-11-22T10:30", True),
        ("XNAS.ITCH", "2026-11-22T11:05", False),
    ],
)
def test_the_weekly_restart_is_known(dataset, at, expected):
    assert is_weekly_restart(dataset, to_ns(at)) is expected


def subscribe(symbol, start, stype="raw_symbol", **bounds):
    return Subscription(1, symbol, symbol, stype, symbol, stype, start, **bounds)


def test_a_symbol_is_subscribed_once_from_its_earliest_start():
    given = (
        subscribe("A", 5),
        subscribe("B", 5),
        subscribe("A", 3),
        subscribe("C", None),
        subscribe("A.FUT", 5, "parent"),
    )
    assert group_subscriptions(given) == [
        ("raw_symbol", 3, ["A"]),
        ("raw_symbol", 5, ["B"]),
        ("raw_symbol", None, ["C"]),
        ("parent", 5, ["A.FUT"]),
    ]


def test_starts_are_moved_within_the_bounds_of_a_contract():
    plan = SessionPlan("GLBX.MDP3", (subscribe("A", 50), subscribe("B", 60, from_ns=60), subscribe("C", None)), ())
    assert [one.start_ns for one in lower_starts(plan, 40).subscriptions] == [40, 60, None]
    assert [one.start_ns for one in raise_starts(plan, 55).subscriptions] == [55, 60, None]


@pytest.mark.parametrize(
    "text, is_fatal, words",
    [
        ("Authentication failed.", True, "(Authentication failed): check the key"),
        ("User has reached their open connection limit.", True, "end other programs"),
        ("None", True, "(no reason is given): check the key"),
        ("Not licensed: GLBX.MDP3", True, "check on the portal of Databento that the account may receive the dataset"),
        ("The account is not entitled to this dataset.", True, "may receive the dataset live"),
        ("Internal error", False, "did not accept the session: Internal error."),
        ("Service unavailable,\n try again", False, "Service unavailable, try again."),
    ],
)
def test_a_refusal_states_what_to_do(text, is_fatal, words):
    ended = refuse_authentication(text)
    assert (ended.why, ended.is_fatal) == ("refused", is_fatal)
    assert words in ended.sentence


@pytest.mark.parametrize(
    "error, reason",
    [
        (OSError(111, "Connect call failed ('127.0.0.1', 13000)"), "Connection refused"),
        (
            OSError("Multiple exceptions: [Errno 113] Connect call failed ('::1', 13000, 0, 0), [Errno 111] Connect …"),
            "No route to host",
        ),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (OSError("no reason"), "no reason"),
        (ConnectionResetError(), "ConnectionResetError"),
    ],
)
def test_the_reason_of_a_connection_that_fails_is_that_of_the_system(error, reason):
    assert describe_connect_error(error) == reason


@pytest.mark.parametrize(
    "sentence, shown",
    [
        (
            "No answer (503): run the command again later.",
            "No answer (503).",
        ),
        (
            "No route: check the network, then run the command again.",
            "No route: check the network.",
        ),
        ("The spool is full: free space.", "The spool is full: free space."),
    ],
)
def test_a_failure_that_is_tried_again_advises_no_other_run(sentence, shown):
    assert remove_repeat_advice(sentence) == shown
