"""The command against the gateway: what is stored is the market's, whatever happens."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta

import pytest
from django_tasks_db.models import DBTaskResult

from config.testing.feeds.times import to_ns
from config.testing.processes import scale_limit
from config.testing.proxy import open_proxy
from ingestion.tests.feeds.live.scene import end_sessions, list_ends, read_bars, to_time, wait_until
from marketdata.models import Bar, FeedSession, FeedSessionSeries, FeedStatus, IngestRun, Series, SeriesInstrument


def test_from_an_empty_table_to_a_current_one(make_scene):
    scene = make_scene()
    scene.subscribe()
    with scene.run() as stream:
        stream.wait_for(": live, after")
        until = scene.wait_for_market(4)
        scene.wait_for_bars(until)
        assert FeedStatus.objects.get().state == "live"
        code, seconds = stream.stop()
    assert (code, seconds < scale_limit(3)) == (0, True), stream
    scene.check_table(until)
    scene.check_runs()
    scene.check_gateway()
    session = FeedSession.objects.order_by("pk").last()
    assert session.end == "stopped"
    assert session.closed_until > session.last_bar_ts
    assert session.replay_from == to_time(scene.gateway.sessions[-1].starts[0])
    assert FeedStatus.objects.get().state == "stopped"
    assert "Stopped: all closed minutes are stored." in stream.text


@pytest.mark.slow
def test_a_killed_process_loses_and_doubles_nothing(make_scene):
    scene = make_scene()
    scene.subscribe()
    with scene.run() as stream:
        stream.wait_for(": live, after")
        scene.wait_for_bars(scene.wait_for_market(6))  # what a session received is recorded every few seconds
        stream.kill()
    scene.wait_for_market(5)
    with scene.run() as stream:
        stream.wait_for(": live, after")
        until = scene.wait_for_market(3)
        scene.wait_for_bars(until)
        stream.stop()
    scene.check_table(until)
    scene.check_runs()
    scene.check_gateway()
    assert "died" in list_ends()
    assert not FeedSession.objects.filter(ended_at=None).exists()
    last, before = list(FeedSession.objects.filter(bars__gt=0).order_by("-pk")[:2])
    asked = FeedSessionSeries.objects.get(session=last).start
    assert timedelta(minutes=40) <= before.closed_until - asked <= timedelta(minutes=90)


@pytest.mark.slow
def test_a_second_process_waits_and_takes_over(make_scene):
    scene = make_scene()
    scene.subscribe()
    with scene.run() as first:
        first.wait_for(": live, after")
        with scene.run() as second:
            second.wait_for("Another stream_live")
            assert f"process {first.pid}" in second.text
            assert not any("live" in line.partition("UTC")[2] for line in second.text.splitlines()[1:])
            first.kill()
            second.wait_for("connecting", 5)
            second.wait_for(": live, after")
            until = scene.wait_for_market(2)
            scene.wait_for_bars(until)
            assert second.stop(signal.SIGINT)[0] == 0
    scene.check_table(until)
    scene.check_runs()
    scene.check_gateway()


@pytest.mark.slow
def test_a_database_that_is_away_is_waited_for(make_scene):
    scene = make_scene()
    scene.subscribe()
    with scene.run() as stream:
        stream.wait_for(": live, after")
        scene.wait_for_bars(scene.wait_for_market(1))
        sessions = len(scene.gateway.sessions)
        end_sessions(3)
        assert scene.list_spool()
        until = scene.wait_for_market(2)
        scene.wait_for_bars(until)
        assert len(scene.gateway.sessions) == sessions
        assert "The database does not answer" in stream.text
        assert stream.stop()[0] == 0
    scene.check_table(until)
    scene.check_runs()
    assert not scene.list_spool()


@pytest.mark.slow
def test_a_signal_ends_the_process_while_the_database_is_silent(make_scene):
    scene = make_scene()
    scene.subscribe()
    with open_proxy() as proxy, scene.run(DATABASE_URL=proxy.url) as stream:
        stream.wait_for(": live, after")
        scene.wait_for_bars(scene.wait_for_market(1))
        proxy.stall()
        scene.wait_for_market(2)
        code, seconds = stream.stop()
        assert (code, seconds < scale_limit(3)) == (0, True)
        assert "stored at the next start" in stream.text
    end_sessions(0.1)  # the server has not noticed that the process ended
    with scene.run() as stream:
        stream.wait_for(": live, after")
        until = scene.wait_for_market(1)
        scene.wait_for_bars(until)
        stream.stop()
    scene.check_table(until)
    scene.check_runs()


@pytest.mark.slow
def test_a_roll_opens_a_session_with_the_new_contract(make_scene):
    scene = make_scene("2024-03-10T23:55")  # a Sunday; by volume the contract rolls on Monday
    scene.subscribe(feed_symbol="MNQ.v.0")
    with scene.run() as stream:
        stream.wait_for(": live, after")
        wait_until(lambda: scene.gateway.clock() > to_ns("2024-03-11T00:04"), 40)
        until = scene.gateway.clock()
        scene.wait_for_bars(until)
        stream.stop()
    scene.check_table(until)
    rows = SeriesInstrument.current.order_by("start_date").values_list("start_date", "instrument_id")
    assert [start.isoformat() for start, _ in rows] == ["2024-03-10", "2024-03-11"]
    assert len({instrument for _, instrument in rows}) == 2
    assert list_ends()[-2:] == ["roll", "stopped"]
    assert scene.gateway.sessions[-1].subs[-1]["symbols"] == "MNQM4"
    scene.check_runs()


@pytest.mark.slow
def test_what_the_gateway_no_longer_replays_is_priced_once(make_scene, historical):
    scene = make_scene()
    series = scene.subscribe()
    with scene.run() as stream:
        stream.wait_for(": live, after")
        scene.wait_for_bars(scene.wait_for_market(2))
        stream.kill()
    last = Bar.objects.latest("ts").ts
    scene.gateway.clock.jump(30 * 3600)
    for _ in range(2):
        with scene.run() as stream:
            stream.wait_for(": live, after")
            stream.stop()
    job = DBTaskResult.objects.get(task_path__endswith=".price_backfill")
    assert job.args_kwargs["kwargs"]["series"] == [series.slug]
    assert job.args_kwargs["kwargs"]["start"] > last.isoformat()
    assert historical.purchases == []


def test_refusals_are_one_sentence(make_scene):
    scene = make_scene()
    with scene.run() as stream:
        assert stream.end() == 1
        assert stream.text.startswith("CommandError: No series is live")
    with scene.run("--series", "mnk") as stream:
        assert stream.end() == 1
        assert "There is no series 'mnk'. Similar: mnq." in stream.text
    Series.objects.create(slug="es", symbol="ES", dataset="GLBX.MDP3")
    with scene.run("--series", "es") as stream:
        assert stream.end() == 1
        assert "has no subscription" in stream.text
    scene.subscribe(live=False)
    with scene.run("--series", "mnq", DATABENTO_API_KEY="") as stream:
        assert stream.end() == 1
        assert "No key is set" in stream.text
    with scene.run("--series", "mnq", DATABENTO_API_KEY="db-wrong") as stream:
        assert stream.end() == 1
    assert "db-wrong" not in stream.text
    assert not IngestRun.objects.exists()


@pytest.mark.slow
def test_a_vendor_that_does_not_resolve_for_now_is_asked_again(make_scene, historical):
    scene = make_scene()
    scene.subscribe()
    historical.fault("symbology.resolve", "status", status=503, times=2)
    with scene.run() as stream:
        stream.wait_for("reconnecting: The vendor failed to answer")
        stream.wait_for(": live, after")
        stream.stop()
    FeedSessionSeries.objects.update(end=datetime.now(UTC) + timedelta(days=1))  # the market's time is another one
    historical.fault("symbology.resolve", "status", status=503, times=100)
    with scene.run() as stream:
        stream.wait_for(": live, after")  # with the contracts of the last session
        until = scene.wait_for_market(2)
        scene.wait_for_bars(until)
        stream.stop()
    scene.check_table(until)
    scene.check_runs()


@pytest.mark.slow
def test_several_series_and_kinds_of_symbols_at_once(make_scene):
    scene = make_scene()
    scene.subscribe("mes", "MES.v.0")
    scene.subscribe("mnq-fut", "MNQ.FUT", symbol="MNQ.FUT", feed_stype="parent")
    scene.subscribe()
    with scene.run() as stream:
        stream.wait_for(": live, after")
        until = scene.wait_for_market(2)
        scene.wait_for_bars(until)
        stream.stop()
    scene.check_table(until)
    scene.check_table(until, "CME_MINI:MES1!", "MES.v.0")
    scene.check_table(until, "MNQZ2026", "MNQ.c.0")
    scene.check_table(until, "MNQH2027", "MNQ.c.1")
    assert read_bars("MNQ.FUT") == {}
    scene.check_runs()


@pytest.mark.slow
def test_a_gateway_that_refuses_the_key_ends_the_command(make_scene):
    scene = make_scene()
    scene.subscribe()
    scene.gateway.fault("refuse_auth", error="User authentication failed")
    with scene.run() as stream:
        assert stream.end() == 1
    assert "CommandError: " in stream.text
    assert "Traceback" not in stream.text
    assert FeedStatus.objects.get().state == "stopped"
    assert list_ends() == ["refused"]


@pytest.mark.slow
def test_no_live_series_any_more_ends_the_command_and_its_session(make_scene):
    scene = make_scene()
    scene.subscribe()
    with scene.run() as stream:
        stream.wait_for(": live, after")
        Series.objects.update(live=False)
        assert stream.end() == 1
        assert "CommandError: No series is live" in stream.text
    assert list_ends()[-1] == "stopped"
    assert FeedStatus.objects.get().state == "stopped"
    assert not scene.list_spool()
