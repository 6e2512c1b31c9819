"""The page of downloads, with a server of the vendor: plan, price, fill. Nothing is bought but for the named price."""

import re
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client

from ingestion.cancellation import CancellationToken
from ingestion.feeds.live.lock import LiveLock
from ingestion.jobs.schedule import find_next_daily, request_daily_if_due
from marketdata.models import Backfill, Bar, FeedRequest, Series
from marketdata.runs.jobs import find_jobs_of_run, find_shown_jobs

from .jobs import run_jobs

PAGE = "/downloads/"
START, END = "2024-03-04", "2024-03-06"


@pytest.fixture
def staff(market_db) -> Client:
    """A client of a user who may act."""
    user = get_user_model().objects.create_superuser("operator")
    client = Client()
    client.force_login(user)
    yield client
    user.delete()


@pytest.fixture
def reader(market_db) -> Client:
    """A client of a user who may only read."""
    user = get_user_model().objects.create_user("reader")
    client = Client()
    client.force_login(user)
    yield client
    user.delete()


def plan(client: Client) -> str:
    """Plan and price by the form, let a worker do it, and return the page of the job."""
    answer = client.post(f"{PAGE}price/", {"series": "mnq", "start": START, "end": END})
    run_jobs()
    return client.get(answer.url).content.decode()


def read_form(page: str) -> dict[str, str]:
    """The hidden fields of the form that buys."""
    form = page[page.index("/downloads/fill/") :]
    return dict(re.findall(r'name="(series|start|end|usd)" value="([^"]*)"', form))


def test_a_plan_is_priced_and_buys_nothing(staff, historical):
    page = plan(staff)

    assert "2024-03-04 00:00 to 2024-03-06 00:00" in page
    assert Decimal(read_form(page)["usd"]) > 0
    assert "Buy 1 request for USD " in page
    assert historical.purchases == []


def test_fill_buys_the_plan_for_its_price_and_loads_it(staff, historical):
    form = read_form(plan(staff))

    answer = staff.post(f"{PAGE}fill/", form)
    run_jobs()

    request = FeedRequest.objects.get()
    assert (request.state, request.charged_usd) == ("stored", Decimal(form["usd"]))
    assert request.backfill.max_usd == Decimal(form["usd"])
    assert request.backfill.requested_by == "operator"
    assert Bar.objects.count() == request.received_records
    assert historical.unpriced() == []
    page = staff.get(answer.url).content.decode()
    assert f'href="/runs/{request.run_id}/"' in page
    downloads = staff.get(PAGE).content.decode()
    assert '<span class="status stored">stored</span>' in downloads
    assert "no bars are stored" in downloads


def test_a_price_that_has_risen_since_is_refused(staff, historical):
    form = read_form(plan(staff))
    historical.unit_price *= 2

    answer = staff.post(f"{PAGE}fill/", form)
    run_jobs()

    assert historical.purchases == []
    assert "more than this backfill may spend" in staff.get(answer.url).content.decode()
    assert FeedRequest.objects.get().state == "refused"


def test_a_second_request_of_the_same_is_the_same_job(staff, historical):
    first, second = (staff.post(f"{PAGE}price/", {"series": "mnq"}).url for _ in range(2))

    assert first == second
    assert [job.name for job in find_shown_jobs()] == ["Price what is missing in mnq"]
    assert find_jobs_of_run(0) == []


@pytest.mark.parametrize("action", ["price", "fill", "daily"])
def test_a_user_who_may_only_read_requests_nothing(reader, historical, action):
    assert reader.get(PAGE).status_code == 200
    assert b"Plan and price" not in reader.get(PAGE).content.partition(b"Requests")[0]
    assert reader.post(f"{PAGE}{action}/", {"series": "mnq", "usd": "1"}).status_code == 403
    assert find_shown_jobs() == []


@pytest.mark.parametrize(
    ("action", "form", "sentence"),
    [
        ("price", {"series": "nothing"}, "There is no series 'nothing'."),
        ("price", {"series": "mnq", "start": "soon"}, "'soon' is not a UTC date or time"),
        ("price", {"series": "mnq", "start": END, "end": START}, "The end must be later than the start."),
        ("fill", {"series": "mnq"}, "The price of the plan is not known: plan it again."),
        ("fill", {"series": "mnq", "usd": "-1"}, "The price of the plan is not known: plan it again."),
        ("fill", {"series": "mnq", "usd": "NaN"}, "The price of the plan is not known: plan it again."),
        ("daily", {}, "No series asks for the daily backfill: set it for a series first."),
    ],
)
def test_wrong_input_is_a_sentence_and_no_job(staff, historical, action, form, sentence):
    page = staff.post(f"{PAGE}{action}/", form, follow=True).content.decode().replace("&#x27;", "'")

    assert sentence in page
    assert find_shown_jobs() == []


def test_without_a_key_the_page_explains_how_to_set_one(staff, settings):
    settings.DATABENTO_API_KEY = ""

    page = staff.get(PAGE).content.decode()

    assert "DATABENTO_API_KEY" in page
    assert "not set, so nothing is bought" in page
    assert "disabled>Plan and price" in page


def test_the_page_of_an_empty_database_explains_itself(staff, historical):
    Series.objects.update(feed_symbol="", feed_stype="")

    page = staff.get(PAGE).content.decode()

    assert "No series has a subscription." in page
    assert "Nothing was requested yet." in page


# --- The daily backfill -----------------------------------------------------------------------------------------------


@pytest.fixture
def daily(market_db, historical, settings):
    """A server whose history ends in March 2024, and a series that asks for the daily backfill at midnight."""
    historical.now = lambda: int(datetime(2024, 3, 7, tzinfo=UTC).timestamp()) * 10**9
    settings.FEED_DAILY_AT = time(0)
    Series.objects.filter(slug="mnq").update(feed_daily=True, feed_start="2024-03-04")
    return settings


def test_a_worker_requests_the_daily_backfill_once_a_day(daily):
    assert request_daily_if_due()
    run_jobs()
    assert not request_daily_if_due()
    assert [one.status for one in Backfill.objects.all()] == ["success"]
    assert Bar.objects.count() > 2000

    Backfill.objects.update(started_at=datetime.now(UTC) - timedelta(days=1), finished_at=datetime.now(UTC))
    assert request_daily_if_due()


def test_the_daily_backfill_is_requested_beside_stream_live(daily):
    lock = LiveLock()
    assert lock.wait(CancellationToken(), report=pytest.fail)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '5s'")
        assert request_daily_if_due()
    finally:
        lock.release()
        connection.close()


def test_without_a_time_or_a_series_nothing_is_requested(daily):
    Series.objects.update(feed_daily=False)
    assert not request_daily_if_due()
    Series.objects.filter(slug="mnq").update(feed_daily=True)
    daily.FEED_DAILY_AT = None
    assert not request_daily_if_due()
    assert find_next_daily() is None


def test_the_page_shows_when_the_next_one_is(daily, staff):
    following = find_next_daily()

    assert following > datetime.now(UTC)
    assert f"next {following:%Y-%m-%d 00:00}" in staff.get(PAGE).content.decode()


# --- Subscriptions ----------------------------------------------------------------------------------------------------


def test_a_subscription_is_changed_on_its_page(staff):
    form = {"dataset": "GLBX.MDP3", "feed_symbol": "MNQ.v.0", "feed_stype": "continuous", "feed_start": "2024-01-02"}

    page = staff.post("/downloads/series/mnq/", form | {"feed_daily": "on"}, follow=True).content.decode()

    mnq = Series.objects.get(slug="mnq")
    assert (mnq.feed_symbol, f"{mnq.feed_start}", mnq.feed_daily) == ("MNQ.v.0", "2024-01-02", True)
    assert "Backfill requests MNQ.v.0 of GLBX.MDP3 for mnq, every day." in page


def test_a_series_is_switched_to_live(staff):
    form = {"dataset": "GLBX.MDP3", "feed_symbol": "MNQ.c.0", "feed_stype": "continuous", "feed_start": ""}

    page = staff.post("/downloads/series/mnq/", form | {"live": "on"}, follow=True).content.decode()

    assert Series.objects.get(slug="mnq").live
    assert "stream_live keeps it current." in page
    staff.post("/downloads/series/mnq/", form)
    assert not Series.objects.get(slug="mnq").live


def test_a_subscription_is_ended(staff):
    form = {"dataset": "GLBX.MDP3", "feed_symbol": "", "feed_stype": "", "feed_start": ""}

    page = staff.post("/downloads/series/mnq/", form, follow=True).content.decode()

    assert "Backfill requests nothing for mnq now." in page
    assert not Series.objects.get(slug="mnq").is_subscribed


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"feed_symbol": "MNQ"}, "'MNQ' is not a symbol of this kind, such as MNQ.c.0."),
        ({"feed_symbol": "MNQ.c.0", "feed_stype": "parent"}, "is not a symbol of this kind, such as MNQ.FUT."),
        ({"dataset": ""}, "Set the series' dataset too, for example GLBX.MDP3"),
        ({"feed_stype": ""}, "Choose the kind of the symbol too."),
        ({"feed_symbol": ""}, "Give the vendor's symbol too"),
        ({"feed_symbol": "", "feed_stype": "", "live": "on"}, "clear its kind, the daily backfill and live."),
        ({"feed_start": "soon"}, "Enter a valid date."),
    ],
)
def test_an_incomplete_subscription_is_refused(staff, changes, sentence):
    form = {"dataset": "GLBX.MDP3", "feed_symbol": "MNQ.c.0", "feed_stype": "continuous"} | changes

    answer = staff.post("/downloads/series/mnq/", form)

    assert answer.status_code == 200
    assert sentence in answer.content.decode().replace("&#x27;", "'")
    assert Series.objects.get(slug="mnq").feed_symbol == "MNQ.c.0"


def test_a_series_is_found_to_subscribe_it(staff):
    assert staff.get(PAGE, {"subscribe": "MNQ"}).url == "/downloads/series/mnq/"
    assert b"There is no series" in staff.get(PAGE, {"subscribe": "nothing"}).content
    assert staff.get("/downloads/series/nothing/").status_code == 404


def test_only_those_who_may_act_change_subscriptions(reader):
    assert reader.get("/downloads/series/mnq/").status_code == 403
    assert reader.post("/downloads/series/mnq/", {"feed_symbol": ""}).status_code == 403
