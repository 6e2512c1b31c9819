"""Batch jobs: submitted once, resumed, and downloaded again without a charge."""

import time
from datetime import timedelta

import pytest

from config.testing.feeds.historical import KEY
from ingestion.feeds import client as client_module
from ingestion.feeds.asks import Ask, JobFile
from ingestion.feeds.client import open_vendor
from ingestion.feeds.errors import BrokenDownload, FeedError, FeedRefused, TryAgain
from ingestion.feeds.folders import is_kept, kept_file, part_path
from ingestion.feeds.history import batch_job
from ingestion.feeds.history.batch_job import JobLost
from ingestion.feeds.history.buy import buy
from ingestion.feeds.retries import MAX_TRIES
from ingestion.progress import Progress

pytestmark = pytest.mark.usefixtures("fast")
SUBMIT, FILE = "batch.submit_job", "batch.file"


@pytest.fixture
def batch(historical, priced):
    """Makes a priced request of mode batch; its job is done after 0.2 s."""
    historical.batch_seconds = 0.2
    return lambda **fields: priced(mode="batch", **fields)


def check_bought_once(historical):
    assert len(historical.purchases) == 1
    assert historical.unpriced() == []


def test_a_job_brings_one_whole_file(historical, batch, vendor):
    request = batch()
    buy(vendor, request, Progress())
    request.refresh_from_db()
    assert request.state == "arrived"
    assert request.job_id
    assert is_kept(request)
    asked = historical.asked(SUBMIT)[0].params
    assert (asked["split_duration"], asked["compression"], asked["encoding"]) == ("none", "zstd", "dbn")
    check_bought_once(historical)


@pytest.mark.parametrize(
    "kind, options",
    [
        ("reset_body", {"after": 3000}),
        ("cut_length", {"after": 3000}),
        ("cut_close", {"after": 3000}),
        ("status", {"status": 503}),
        ("status", {"status": 429, "retry_after": 0}),
        ("reset", {}),
        ("hang", {"seconds": 2}),
        ("corrupt", {}),
    ],
)
@pytest.mark.parametrize("times", [1, 2])
def test_a_download_goes_on(historical, batch, vendor, kind, options, times):
    request = batch()
    historical.fault(FILE, kind, times=times, **options)
    buy(vendor, request, Progress())
    assert request.state == "arrived"
    assert is_kept(request)
    check_bought_once(historical)
    if "after" in options:
        assert historical.asked(FILE)[1].note.startswith(("bytes=2048-", "bytes=3000-"))


@pytest.mark.parametrize("existing", [b"z" * 1000, b"z" * 10_000_000])
@pytest.mark.parametrize("fault", ["", "ignore_range"])
def test_other_bytes_in_the_part_file_are_replaced(historical, batch, vendor, existing, fault):
    request = batch()
    part = part_path(request)
    part.parent.mkdir(parents=True)

    def write(asked):
        if asked.endpoint == "batch.list_files":
            part.write_bytes(existing)

    historical.on_ask = write
    if fault:
        historical.fault(FILE, fault)
    buy(vendor, request, Progress())
    assert request.state == "arrived"
    check_bought_once(historical)


def test_a_wrong_hash_is_never_accepted_and_can_be_repeated(historical, batch, vendor):
    request = batch()
    historical.fault(FILE, "corrupt", times=3)
    with pytest.raises(BrokenDownload, match="another SHA-256") as raised:
        buy(vendor, request, Progress())
    request.refresh_from_db()
    assert (request.state, request.error) == ("bought", "")
    assert not part_path(request).exists()
    assert KEY not in str(raised.value)
    buy(vendor, request, Progress())
    assert request.state == "arrived"
    check_bought_once(historical)


@pytest.mark.parametrize("kind, options", [("reset", {}), ("status", {"status": 503}), ("reset_body", {"after": 0})])
def test_a_download_that_fails_too_often_stays_bought(historical, batch, vendor, kind, options):
    request = batch()
    historical.fault(FILE, kind, times=MAX_TRIES, **options)
    with pytest.raises(TryAgain):
        buy(vendor, request, Progress())
    request.refresh_from_db()
    assert request.state == "bought"
    buy(vendor, request, Progress())
    assert request.state == "arrived"
    check_bought_once(historical)


@pytest.mark.parametrize("status", [401, 402, 403, 409, 422])
def test_a_refused_job_costs_nothing(historical, batch, vendor, status):
    request = batch()
    historical.fault(SUBMIT, "status", status=status)
    with pytest.raises(FeedError):
        buy(vendor, request, Progress())
    request.refresh_from_db()
    assert (request.state, request.charged_usd) == ("failed", 0)
    assert historical.purchases == []


def test_a_job_whose_answer_was_lost_is_found(historical, batch, vendor, monkeypatch):
    request = batch()
    submit = vendor.submit_job

    def lose_answer(ask):
        submit(ask)
        raise TryAgain("The connection ended.", may_be_charged=True)

    monkeypatch.setattr(vendor, "submit_job", lose_answer)
    buy(vendor, request, Progress())
    assert request.state == "arrived"
    check_bought_once(historical)


def test_a_lost_answer_is_found_whatever_the_clock_of_the_database(historical, batch, vendor, monkeypatch):
    """The vendor's clock is a year earlier than that of the database."""
    request = batch()
    year = 365 * 86_400 * 10**9
    monkeypatch.setattr(historical, "now", lambda: time.time_ns() - year)
    submit = vendor.submit_job

    def lose_answer(ask):
        submit(ask)
        raise TryAgain("The connection ended.", may_be_charged=True)

    monkeypatch.setattr(vendor, "submit_job", lose_answer)
    buy(vendor, request, Progress())
    assert request.state == "arrived"
    check_bought_once(historical)


def test_a_job_that_failed_to_be_submitted_is_submitted_again(historical, batch, vendor):
    request = batch()
    historical.fault(SUBMIT, "status", status=503, times=2)
    buy(vendor, request, Progress())
    check_bought_once(historical)


def test_tries_to_submit_end(historical, batch, vendor):
    request = batch()
    historical.fault(SUBMIT, "status", status=503, times=99)
    with pytest.raises(TryAgain):
        buy(vendor, request, Progress())
    request.refresh_from_db()
    assert (request.state, request.job_id) == ("bought", "")
    assert len(historical.asked(SUBMIT)) == MAX_TRIES


def test_a_job_of_another_request_is_not_used(historical, batch, vendor):
    first = batch()
    buy(vendor, first, Progress())
    first.refresh_from_db()
    ask = Ask.from_request(first)
    assert vendor.find_job(ask, first.bought_at - timedelta(hours=1)) == first.job_id
    assert vendor.find_job(ask, first.bought_at - timedelta(hours=1), exclude={first.job_id}) is None
    other = Ask(ask.dataset, ask.symbol, ask.stype, ask.start, ask.end - timedelta(minutes=1))
    assert vendor.find_job(other, first.bought_at - timedelta(hours=1)) is None
    assert vendor.find_job(ask, first.bought_at + timedelta(hours=1)) is None


def test_an_expired_job_is_lost(historical, batch, vendor):
    request = batch()

    def expire(asked):
        if asked.endpoint == "batch.get_job_details":
            historical.jobs[asked.params["job_id"]]["expired"] = True

    historical.on_ask = expire
    with pytest.raises(JobLost, match="has expired"):
        buy(vendor, request, Progress())
    request.refresh_from_db()
    assert (request.state, request.charged_usd) == ("failed", request.priced_usd)


def test_a_job_that_takes_too_long_stays_bought(historical, batch, vendor, monkeypatch):
    request = batch()
    historical.batch_seconds = 60
    monkeypatch.setattr(batch_job, "_MAX_WAIT_SECONDS", 0.3)
    with pytest.raises(TryAgain, match="without a new charge"):
        buy(vendor, request, Progress())
    request.refresh_from_db()
    assert request.state == "bought"
    assert request.job_id


def test_waiting_is_cancelled(historical, batch, vendor):
    request = batch()
    historical.batch_seconds = 60

    class Cancelled(Progress):
        waiting = False

        def step(self, name):
            self.waiting = name == "wait for batch job"

        def raise_if_cancelled(self):
            if self.waiting:
                raise FeedRefused("Cancelled.")

    with pytest.raises(FeedRefused, match="Cancelled"):
        buy(vendor, request, Cancelled())
    request.refresh_from_db()
    assert request.state == "bought"


def test_a_file_with_too_few_records_is_not_accepted(historical, batch, vendor):
    request = batch(priced_records=1)

    def lose(asked):
        if asked.endpoint == FILE:
            historical.market.lose(request.start, request.start + timedelta(hours=3))

    historical.on_ask = lose
    with pytest.raises(BrokenDownload, match="the vendor counted 1 when"):
        buy(vendor, request, Progress())
    request.refresh_from_db()
    assert (request.state, request.charged_usd) == ("failed", request.priced_usd)


def test_tries_to_submit_that_a_limit_ends_cost_nothing(historical, batch, vendor):
    request = batch()
    historical.fault(SUBMIT, "status", status=429, times=99)
    with pytest.raises(TryAgain):
        buy(vendor, request, Progress())
    request.refresh_from_db()
    assert (request.state, request.charged_usd) == ("failed", 0)


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/file",
        "http://localhost:{port}/file",
        "https://localhost:1/file",
        "https://hist.databento.com/file",
        "https://localhost:{port}@evil.example/file",
        "https://localhost.evil.example:{port}/file",
        "file:///etc/passwd",
        "https://[bad/file",
    ],
)
def test_the_key_is_sent_to_the_vendor_alone(historical, vendor, tmp_path, url):
    file = JobFile(name="a.dbn.zst", size=1, sha256="0" * 64, url=url.format(port=historical.port))
    with pytest.raises(FeedRefused, match="not the vendor's"):
        vendor.download(file, tmp_path / "a", Progress())
    assert historical.asks == []


def test_the_vendors_own_hosts_are_the_vendor(settings, historical):
    settings.DATABENTO_HISTORICAL_URL = ""
    vendor = open_vendor()
    assert vendor._is_vendors("https://api.databento.com/v0/batch/download/a")
    assert vendor._is_vendors("https://hist.databento.com/v0/batch/download/a")
    assert not vendor._is_vendors("https://databento.com.evil.example/a")
    assert not vendor._is_vendors("https://evildatabento.com/a")
    assert client_module._VENDORS.startswith(".")


def test_the_path_of_an_arrived_file_is_relative(historical, batch, vendor, settings, tmp_path):
    request = batch()
    buy(vendor, request, Progress())
    assert not request.file_path.startswith("/")
    old = settings.FEED_DIR
    settings.FEED_DIR = tmp_path / "moved"
    old.rename(settings.FEED_DIR)
    assert is_kept(request)
    kept_file(request).write_bytes(b"other")
    assert not is_kept(request)
