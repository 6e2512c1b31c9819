"""What the commands print, and how they end."""

from __future__ import annotations

import io
import json
import threading
import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from config.testing.feeds.historical import KEY
from config.testing.processes import Process
from ingestion.feeds.history import lock
from ingestion.tests.feeds.history.conftest import DAY, START, Trial
from marketdata.advisory_locks import BACKFILL
from marketdata.models import Backfill, Bar, FeedRequest, Series
from marketdata.runs.commits import read_database_time


def run(command: str = "backfill", **options: object) -> tuple[int, str, str]:
    """Exit code, standard output, and the error."""
    out = io.StringIO()
    try:
        call_command(command, stdout=out, stderr=io.StringIO(), **options)
    except CommandError as error:
        return error.returncode, out.getvalue(), str(error)
    return 0, out.getvalue(), ""


def test_a_dry_run_prints_the_plan_and_leaves_nothing(trial: Trial):
    code, out, error = run(dry_run=True)
    assert (code, error) == (0, "")
    count = len(trial.truth())
    assert f"2024-03-04 to 2024-03-08 12:00: missing, 5 days, {count:,} records, USD 0.0" in out
    assert "Caps: USD 100.00 left of USD 100.00 for this backfill" in out
    assert "Nothing was bought" in out
    assert not Bar.objects.exists() and not FeedRequest.objects.exists() and not Backfill.objects.exists()
    assert trial.server.purchases == []


def test_without_a_terminal_nothing_is_bought_unless_it_is_confirmed(trial: Trial):
    code, out, error = run()
    assert (code, error) == (0, "")
    assert "othing was bought: give --yes" in out
    assert trial.server.purchases == []
    assert Backfill.objects.get().status == "refused"
    code, out, error = run(yes=True)
    assert (code, error) == (0, "")
    assert "Bought: 1 request, USD 0.0" in out
    trial.check_table()
    code, out, error = run()
    assert (code, "NOTHING TO DO" in out, "nothing to do" in out) == (0, True, True)


def test_nothing_is_bought_without_caps_even_for_nothing(trial: Trial, settings):
    trial.server.unit_price = 0
    for name in ("FEED_MAX_USD_PER_RUN", "FEED_MAX_USD_PER_MONTH"):
        before = getattr(settings, name)
        for value in (None, Decimal(0)):
            setattr(settings, name, value)
            code, out, error = run(yes=True)
            assert (code, "PLAN" in out, "not set" in out) == (3, True, True)
            assert "FEED_MAX_USD_PER_RUN" in error and "FEED_MAX_USD_PER_MONTH" in error
        setattr(settings, name, before)
    assert trial.server.purchases == []
    assert run(yes=True)[0] == 0
    trial.check_table()


def test_a_dry_run_needs_no_caps(trial: Trial, settings):
    settings.FEED_MAX_USD_PER_RUN = None
    code, out, error = run(dry_run=True)
    assert (code, error, "It would be refused: Nothing is bought until both caps are set" in out) == (0, "", True)


def test_a_range_that_is_not_available_yet(trial: Trial):
    code, out, error = run(start=trial.now)
    assert (code, error) == (0, "")
    assert "nothing of the requested range is available yet" in out
    assert trial.list_posts() == []


def test_a_series_whose_calendar_is_not_known(trial: Trial):
    Series.objects.filter(slug="mnq").update(calendar="Mars")
    try:
        trial.fill()
        trial.check_table()
    finally:
        Series.objects.filter(slug="mnq").update(calendar="CME Globex Equity")


def test_a_network_that_fails_stops_the_backfill_and_a_server_that_fails_once_does_not(trial: Trial):
    trial.now += 35 * DAY
    trial.server.fault("timeseries.get_range", "status", status=503, times=5)
    ended = trial.backfill()
    assert (ended.code, [one["state"] for one in ended.json["requests"]]) == (1, ["failed", "stored"])
    trial.now += 35 * DAY
    trial.server.fault("timeseries.get_range", "close", times=5)
    ended = trial.backfill()
    assert (ended.code, len(ended.json["requests"])) == (1, 1)
    assert trial.backfill().code == 0
    trial.check_table()


def test_a_file_that_cannot_be_loaded_is_not_bought_again(trial: Trial, tmp_path):
    """It stays, and is tried again each time, until what refuses it is gone."""
    from config.testing.builders import at, bars, ingest, undo_run, write_filled

    day = START.date()
    records = bars(5, instrument_id=4242)
    records["ts_event"] = [at(minute, day=day) for minute in range(5)]
    mapped = {"MNQ.c.0": [(day, (START + DAY).date(), 4242)]}
    ingest(write_filled(tmp_path / "other.dbn", records, mappings=mapped))
    for _ in range(2):
        ended = trial.backfill()
        assert (ended.code, "instrument" in ended.json["failed"][0]) == (1, True)
        assert len(trial.server.purchases) == 2  # the day with other bars is a hole, the days after it are missing
    undo_run(1)
    trial.fill()
    trial.check_table()
    trial.check_money()


def test_max_cost_can_only_lower_the_cap(trial: Trial, settings):
    code, _, error = run(yes=True, max_cost=Decimal("0.01"))
    assert (code, "USD 0.01" in error, "--max-cost" in error) == (3, True, True)
    assert set(FeedRequest.objects.values_list("state", flat=True)) == {"refused"}
    settings.FEED_MAX_USD_PER_RUN = Decimal("0.01")
    code, _, error = run(yes=True, max_cost=Decimal(50))
    assert (code, "FEED_MAX_USD_PER_RUN" in error) == (3, True)
    assert trial.server.purchases == []


def test_the_cap_of_the_month_counts_what_was_bought_in_it(trial: Trial, settings):
    trial.fill(end=START + 2 * DAY)
    settings.FEED_MAX_USD_PER_MONTH = Decimal(str(round(trial.server.spent * 1.2, 6)))
    code, _, error = run(yes=True)
    assert (code, "FEED_MAX_USD_PER_MONTH" in error) == (3, True)
    assert len(trial.server.purchases) == 1


def test_a_request_that_fails_stops_no_other_and_is_bought_again(trial: Trial):
    trial.now += 35 * DAY
    trial.server.fault("timeseries.get_range", "cut_frame", times=1)
    ended = trial.backfill()
    assert ended.code == 1
    assert [one["state"] for one in ended.json["requests"]] == ["failed", "stored"]
    assert ended.json["failed"] == [FeedRequest.objects.get(state="failed").error]
    ended = trial.fill()
    assert len(ended.json["requests"]) == 1
    trial.check_table()
    trial.check_charges()


def test_without_a_key_the_plan_is_that_of_what_is_stored(trial: Trial, settings):
    trial.fill(end=START + 2 * DAY)
    settings.DATABENTO_API_KEY = ""
    before = len(trial.server.asks)
    code, out, error = run(yes=True)
    assert (code, "DATABENTO_API_KEY" in error) == (1, True)
    assert "2024-03-06 to 2024-03-08 12:00: missing" in out
    assert len(trial.server.asks) == before


def test_a_wrong_key_is_one_sentence_without_the_key(trial: Trial, settings):
    settings.DATABENTO_API_KEY = "db-wrongwrongwrongwrongwrongwrong"
    code, out, error = run(yes=True)
    assert (code, "DATABENTO_API_KEY" in error, "wrongwrong" in out + error) == (1, True, False)


def test_without_a_key_nothing_is_stated_about_what_is_available(trial: Trial, settings):
    settings.DATABENTO_API_KEY = ""
    code, out, error = run(dry_run=True)
    assert (code, "DATABENTO_API_KEY" in error) == (1, True)
    assert "DRY RUN ENDED" in out and "COMPLETE" not in out
    assert "GLBX.MDP3): not known what is available\n====" in out
    assert "is available until" not in out and "never asked from when to when" in out


@pytest.mark.parametrize(
    ("slugs", "words"),
    [
        (["mnqq"], "Similar: mnq"),
        (["mnq", "plain"], "has no subscription"),
        (["zzzzzz"], "There is no series 'zzzzzz'"),
    ],
)
def test_series_that_cannot_be_requested(trial: Trial, slugs, words):
    Series.objects.create(slug="plain", symbol="PLAIN")
    code, _, error = run(series=slugs, yes=True)
    assert (code, words in error) == (1, True), error


def test_daily_requests_the_series_that_ask_for_it(trial: Trial):
    code, out, _ = run(daily=True)
    assert (code, "No series is requested every day" in out) == (0, True)
    Series.objects.filter(slug="mnq").update(feed_daily=True)
    trial.subscribe("nq", "NQ.c.0")
    code, _, _ = run(daily=True)
    assert code == 0
    trial.check_table()
    assert FeedRequest.objects.get().series.slug == "mnq"


@pytest.mark.slow
def test_ranges_beyond_what_is_available_are_clamped_and_reported(trial: Trial):
    Series.objects.filter(slug="mnq").update(feed_start=None)
    code, out, error = run(dry_run=True, start=START.replace(year=2000, month=1), end=START.replace(year=2030))
    assert (code, error) == (0, "")
    assert "GLBX.MDP3 begins at 2010-06-06" in out and "GLBX.MDP3 is available until 2024-03-08 12:00 UTC" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--start", "yesterday"], "--start"),
        (["--end", "2024-03-05T10:00:30"], "--end"),
        (["--end", "2024-13-01"], "--end"),
        (["--max-cost", "five"], "--max-cost"),
        (["--max-cost", "-1"], "--max-cost"),
        (["--max-cost", "nan"], "--max-cost"),
        (["--start", "2024-03-05", "--end", "2024-03-05"], "--start is not before --end"),
    ],
)
def test_wrong_options_end_with_code_2(trial: Trial, arguments, words):
    with Process(*arguments, command="backfill", **trial.server.env) as process:
        ended = process.end()
    assert (ended.code, words in ended.err, ended.out) == (2, True, "")


def test_a_process_of_its_own_prints_json_alone(trial: Trial):
    now = trial.now.timestamp()
    trial.server.delay_s = 24 * 3600
    with Process("--yes", "--json", command="backfill", **trial.server.env) as process:
        ended = process.end(120)
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["inserted"] == len(trial.truth()), now
    assert KEY not in ended.out
    trial.check_table()


def test_a_second_backfill_waits_and_names_the_first(trial: Trial, monkeypatch):
    monkeypatch.setattr(lock, "WAIT_SECONDS", 1.0)
    from django.db import connections

    session = connections["default"].copy()
    with session.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", BACKFILL)
    first = Backfill.objects.create(started_at=read_database_time())
    try:
        ended = trial.backfill()
        assert (ended.code, f"backfill {first.pk}, started 20" in ended.error, "server process" in ended.error) == (
            1,
            True,
            True,
        )
        monkeypatch.setattr(lock, "WAIT_SECONDS", 20.0)
        threading.Timer(0.7, session.connection.close).start()
        started = time.monotonic()
        trial.fill()
        assert time.monotonic() - started > 0.5
    finally:
        session.close()
    first.refresh_from_db()
    assert first.status == "failed"


def test_spending_adds_up(trial: Trial, settings):
    code, out, _ = run("spending")
    assert (code, "Charged: USD 0.00 of USD 100.00" in out) == (0, True)
    trial.now += 35 * DAY
    trial.server.fault("timeseries.get_range", "cut_frame", times=1)
    assert trial.backfill().code == 1
    run(yes=True, max_cost=Decimal("0.001"))
    code, out, _ = run("spending", json=True)
    found = json.loads(out)
    assert code == 0
    total = found["total"]
    assert (total["bought"]["requests"], total["arrived"]["requests"], total["nothing"]["requests"]) == (2, 1, 1)
    assert total["refused"]["requests"] == 1
    assert float(total["bought"]["usd"]) == pytest.approx(trial.server.spent, abs=1e-4)
    assert [one["series"] for one in found["series"]] == ["mnq"]
    code, out, _ = run("spending", month=(read_database_time() - timedelta(days=60)).date())
    assert (code, "mnq" in out) == (0, False)
    settings.FEED_MAX_USD_PER_MONTH = None
    assert "FEED_MAX_USD_PER_MONTH is not set" in run("spending")[1]
