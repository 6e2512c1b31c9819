"""A process that is killed at any step buys nothing twice, and loses no whole file."""

import signal
import subprocess
import sys
import time

import pytest
from django.conf import settings as django_settings

from config.testing.processes import database_url
from ingestion.feeds.errors import FeedRefused
from ingestion.feeds.folders import feed_folder, history_path, is_kept, kept_file, part_path
from ingestion.feeds.history.buy import CountUnknown, buy
from ingestion.feeds.history.recover import recover
from ingestion.progress import Progress
from marketdata.models import FeedRequest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("fast")]
SCRIPT = """
import importlib, os, signal, sys
import django
django.setup()
from ingestion.feeds.client import open_vendor
from ingestion.feeds.errors import FeedRefused
from ingestion.feeds.history.buy import CountUnknown, buy
from ingestion.progress import Progress
from marketdata.models import FeedRequest

def die(*args, **options):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2]:
    module, _, name = sys.argv[2].rpartition(".")
    setattr(importlib.import_module(module), name, die)
buy(open_vendor(), FeedRequest.objects.get(pk=int(sys.argv[1])), Progress())
die()
"""
HISTORY = "ingestion.feeds.history"


def start(request, historical, step):
    environment = {"PATH": "/usr/bin:/bin", "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": database_url()}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(request.pk), step],
        cwd=django_settings.BASE_DIR,
        env={**__import__("os").environ, **environment, **historical.env},
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_at(request, historical, step):
    process = start(request, historical, step)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, errors
    request.refresh_from_db()


def list_names():
    return sorted(path.name for path in feed_folder().rglob("*") if path.is_file())


def check_recovered(historical, request, report, *, state):
    request.refresh_from_db()
    assert request.state == state
    kept = {"arrived": report.arrived, "failed": report.failed, "bought": report.open}.get(state, [])
    assert [found.pk for found in kept] == ([request.pk] if kept else [])
    assert list_names() == ([kept_file(request).name] if state == "arrived" else [])
    assert historical.unpriced() == []
    assert historical.bought_twice(whole=True) == []
    assert len(historical.purchases) <= 1


@pytest.mark.parametrize(
    "step, state, left",
    [
        (f"{HISTORY}.buy.reserve", "priced", "priced"),
        (f"{HISTORY}.buy._receive", "bought", "failed"),
        (f"{HISTORY}.buy.check", "bought", "arrived"),
        ("ingestion.feeds.request_states.to_stored", "bought", "arrived"),
        ("", "arrived", "arrived"),
    ],
)
def test_a_kill_while_a_stream_is_bought(historical, priced, vendor, step, state, left):
    request = priced()
    kill_at(request, historical, step)
    assert request.state == state
    report = recover(vendor, Progress())
    check_recovered(historical, request, report, state=left)
    posts = len(historical.asks)
    again = recover(vendor, Progress())
    assert len(historical.asks) == posts
    assert [found.pk for found in again.arrived] == ([request.pk] if left == "arrived" else [])
    if left == "failed":
        assert request.charged_usd == request.priced_usd
        other = priced()
        buy(vendor, other, Progress())
        assert other.state == "arrived"


def test_a_kill_after_the_first_bytes(historical, priced, vendor):
    request = priced()
    historical.fault("timeseries.get_range", "stall", after=8000, seconds=20)
    process = start(request, historical, "")
    try:
        until = time.monotonic() + 30
        while not (part_path(request).exists() and part_path(request).stat().st_size):
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        process.kill()
        process.communicate()
    report = recover(vendor, Progress())
    check_recovered(historical, request, report, state="failed")
    assert request.charged_usd == request.priced_usd
    assert "Paid for" in report.messages[0]


@pytest.mark.parametrize(
    "step",
    [
        f"{HISTORY}.batch_job.store_job",
        f"{HISTORY}.batch_job._wait",
        f"{HISTORY}.buy.check",
        "ingestion.feeds.request_states.to_stored",
        "",
    ],
)
def test_a_kill_while_a_batch_job_is_bought(historical, priced, vendor, step):
    historical.batch_seconds = 0.2
    request = priced(mode="batch")
    kill_at(request, historical, step)
    report = recover(vendor, Progress())
    check_recovered(historical, request, report, state="arrived")
    assert len(historical.purchases) == 1


def test_a_batch_job_that_was_never_submitted_is_failed(historical, priced, vendor):
    request = priced(mode="batch")
    kill_at(request, historical, f"{HISTORY}.batch_job._find_or_submit")
    report = recover(vendor, Progress())
    check_recovered(historical, request, report, state="failed")


def test_a_batch_job_waits_for_a_key(historical, priced):
    historical.batch_seconds = 0.2
    request = priced(mode="batch")
    kill_at(request, historical, f"{HISTORY}.batch_job._wait")
    report = recover(None, Progress())
    assert [found.pk for found in report.open] == [request.pk]
    assert "DATABENTO_API_KEY" in report.messages[0]


def test_a_damaged_part_is_paid_for_and_lost(historical, priced, vendor):
    request = priced()
    kill_at(request, historical, f"{HISTORY}.buy.check")
    part = part_path(request)
    part.write_bytes(part.read_bytes()[:-1])
    check_recovered(historical, request, recover(vendor, Progress()), state="failed")


@pytest.mark.parametrize("change", ["deleted", "changed"])
@pytest.mark.parametrize("mode", ["stream", "batch"])
def test_a_file_that_is_lost_before_it_is_stored(historical, priced, vendor, mode, change):
    historical.batch_seconds = 0.2
    request = priced(mode=mode)
    buy(vendor, request, Progress())
    if change == "deleted":
        kept_file(request).unlink()
    else:
        kept_file(request).write_bytes(b"x")
    report = recover(vendor, Progress())
    request.refresh_from_db()
    assert request.state == ("arrived" if mode == "batch" else "failed")
    assert request.charged_usd == request.priced_usd
    assert len(historical.purchases) == 1
    assert is_kept(request) == (mode == "batch")
    assert bool(report.messages) == (mode == "stream")


def test_nothing_open_asks_nothing(historical, feeds_db):
    report = recover(None, Progress())
    assert (report.arrived, report.failed, report.open, report.messages) == ([], [], [], [])
    assert historical.asks == []
    assert FeedRequest.objects.count() == 0
    assert history_path is not None


def test_a_whole_file_is_kept_until_its_count_is_known(historical, priced, vendor):
    request = priced()
    FeedRequest.objects.filter(pk=request.pk).update(priced_records=request.priced_records - 1)
    request.refresh_from_db()
    historical.fault("metadata.get_record_count", "status", status=401)
    with pytest.raises(CountUnknown, match="buys nothing twice"):
        buy(vendor, request, Progress())
    request.refresh_from_db()
    assert request.state == "bought"
    assert [found.pk for found in recover(None, Progress()).open] == [request.pk]
    check_recovered(historical, request, recover(vendor, Progress()), state="arrived")


def test_a_wrong_address_does_not_lose_a_batch_job(historical, priced, vendor):
    historical.batch_seconds = 0.2
    request = priced(mode="batch")
    kill_at(request, historical, f"{HISTORY}.batch_job._wait")
    historical.fault("batch.get_job_details", "status", status=404, body="html")
    report = recover(vendor, Progress())
    assert [found.pk for found in report.open] == [request.pk]
    historical.jobs[request.job_id]["expired"] = True
    check_recovered(historical, request, recover(vendor, Progress()), state="failed")


def test_jobs_that_cannot_be_listed_are_not_submitted_again(historical, priced, vendor):
    request = priced(mode="batch")
    historical.fault("batch.list_jobs", "json", value={})
    with pytest.raises(FeedRefused, match="list of batch jobs"):
        buy(vendor, request, Progress())
    assert historical.purchases == []
