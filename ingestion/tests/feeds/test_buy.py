"""Under every fault of the vendor: what is sent, what is charged, what is kept, and what the message is."""

import resource
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from config.testing.feeds.historical import KEY
from config.testing.processes import session
from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from ingestion.errors import IngestError
from ingestion.feeds.client import open_vendor
from ingestion.feeds.errors import BrokenDownload, FeedError, FeedRefused, TryAgain
from ingestion.feeds.folders import feed_folder, history_path, is_kept, kept_file, part_path, prepare_folder
from ingestion.feeds.history.buy import buy
from ingestion.feeds.retries import MAX_TRIES
from ingestion.progress import Progress

pytestmark = pytest.mark.usefixtures("fast")
RANGE = "timeseries.get_range"
BROKEN = [
    ("reset_body", {"after": 2000}),
    ("cut_chunked", {"after": 2000}),
    ("cut_length", {"after": 2000}),
    ("cut_close", {"after": 2000}),
    ("cut_zstd", {}),
    ("cut_record", {}),
    ("cut_frame", {}),
    ("metadata_only", {}),
    ("stall", {"after": 2000, "seconds": 3}),
    ("slow", {"rate": 100}),
    ("empty_body", {}),
    ("html_200", {}),
    ("garbage", {}),
]
REFUSED = [
    (401, "DATABENTO_API_KEY"),
    (402, "funds"),
    (403, "licence"),
    (404, "DATABENTO_HISTORICAL_URL"),
    (409, "later"),
    (422, "symbol"),
]


def list_files():
    return sorted(path.name for path in feed_folder().rglob("*") if path.is_file())


def check_sentence(error):
    text = str(error)
    assert KEY not in text
    assert "\n" not in text
    assert text.endswith(".")
    assert text[0].isupper() or text.startswith(("localhost", "127.0.0.1", "/"))
    assert len(text) < 700


def check_failed(request, error, *, charged):
    request.refresh_from_db()
    assert (request.state, request.charged_usd) == ("failed", request.priced_usd if charged else 0)
    assert request.error == str(error)
    assert list_files() == []
    check_sentence(error)


def test_a_whole_file_arrives_with_its_hash(historical, priced, vendor):
    request = priced()
    buy(vendor, request, Progress())
    request.refresh_from_db()
    assert (request.state, request.charged_usd, request.error) == ("arrived", request.priced_usd, "")
    assert request.received_records == request.priced_records > 2000
    assert is_kept(request)
    assert list_files() == [kept_file(request).name]
    with SourceFile(kept_file(request)) as source:
        rows = sum(map(len, RecordReader(source).read_batches()))
    assert rows == request.priced_records
    assert historical.unpriced() == historical.bought_twice() == []
    assert len(historical.purchases) == 1
    assert kept_file(request).stat().st_mode & 0o077 == 0 or feed_folder().stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("kind, options", BROKEN, ids=[kind for kind, _ in BROKEN])
def test_a_stream_that_is_not_whole_stays_charged(historical, priced, vendor, kind, options):
    request = priced()
    historical.frame_records = 500
    historical.fault(RANGE, kind, **options)
    with pytest.raises(BrokenDownload) as raised:
        buy(vendor, request, Progress())
    check_failed(request, raised.value, charged=True)
    assert len(historical.purchases) == 1
    assert historical.unpriced() == []
    again = priced()
    buy(vendor, again, Progress())
    assert again.state == "arrived"


@pytest.mark.parametrize("status, advice", REFUSED)
@pytest.mark.parametrize("body", ["json", "text", "html"])
def test_a_refusal_costs_nothing_and_has_advice(historical, priced, vendor, status, advice, body):
    request = priced()
    historical.fault(RANGE, "status", status=status, body=body, times=9)
    with pytest.raises(FeedError) as raised:
        buy(vendor, request, Progress())
    check_failed(request, raised.value, charged=False)
    assert str(status) in str(raised.value)
    assert advice in str(raised.value)
    assert len(historical.asked(RANGE)) == 1
    assert historical.purchases == []


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("body", ["json", "html"])
def test_what_failed_before_the_first_byte_is_sent_again(historical, priced, vendor, status, body):
    request = priced()
    historical.fault(RANGE, "status", status=status, body=body, times=2)
    buy(vendor, request, Progress())
    assert request.state == "arrived"
    assert len(historical.purchases) == 1


@pytest.mark.parametrize("kind, options", [("reset", {}), ("close", {}), ("hang", {"seconds": 2})])
def test_a_connection_that_ends_before_an_answer_is_tried_again(historical, priced, vendor, kind, options):
    request = priced()
    historical.fault(RANGE, kind, **options)
    buy(vendor, request, Progress())
    assert request.state == "arrived"
    assert len(historical.purchases) == 1


@pytest.mark.parametrize(
    "kind, options, charged", [("status", {"status": 503}, False), ("reset", {}, True), ("close", {}, True)]
)
def test_tries_end(historical, priced, vendor, kind, options, charged):
    request = priced()
    historical.fault(RANGE, kind, times=99, **options)
    with pytest.raises(TryAgain) as raised:
        buy(vendor, request, Progress())
    check_failed(request, raised.value, charged=charged)
    assert len(historical.asked(RANGE)) == MAX_TRIES
    assert historical.purchases == []


def test_nothing_is_sent_twice_for_one_request(historical, priced, vendor):
    request = priced()
    buy(vendor, request, Progress())
    with pytest.raises(FeedRefused, match="not sent again"):
        buy(vendor, request, Progress())
    assert len(historical.purchases) == 1


def test_a_range_is_bought_once(historical, priced, vendor):
    first, second = priced(), priced(end=priced().end - timedelta(hours=1))
    buy(vendor, first, Progress())
    with pytest.raises(FeedRefused, match="Another request"):
        buy(vendor, second, Progress())
    second.refresh_from_db()
    assert (second.state, second.charged_usd) == ("refused", None)
    assert len(historical.purchases) == 1


def test_a_warning_is_kept_and_never_raised(historical, priced, vendor):
    request = priced()
    historical.fault(RANGE, "warning", text="DeprecationWarning: this parameter goes")
    buy(vendor, request, Progress())
    request.refresh_from_db()
    assert (request.state, request.warnings) == ("arrived", "DeprecationWarning: this parameter goes")


def test_a_degraded_day_is_a_warning(historical, priced, vendor):
    request = priced()
    historical.market.degraded.add(request.start.date())
    buy(vendor, request, Progress())
    request.refresh_from_db()
    assert "degraded" in request.warnings


def test_records_that_the_vendor_added_meanwhile_are_counted_again(historical, priced, vendor):
    request = priced()
    request.priced_records -= 5
    request.save()
    buy(vendor, request, Progress())
    request.refresh_from_db()
    assert request.state == "arrived"
    assert request.received_records == request.priced_records


def test_the_range_of_the_file_is_the_requested_one(historical, priced, vendor, monkeypatch):
    request = priced()
    monkeypatch.setattr(historical, "parse", lambda fields: shift(type(historical).parse(historical, fields)))
    with pytest.raises(BrokenDownload, match="not what was requested"):
        buy(vendor, request, Progress())


def shift(query):
    from dataclasses import replace

    return replace(query, start=query.start + 3600 * 10**9)


class Stop(Progress):
    """Cancels from the given call on."""

    def __init__(self):
        self.is_cancelled = False

    def raise_if_cancelled(self):
        if self.is_cancelled:
            raise IngestError("Interrupted.")


def test_a_signal_between_tries_ends_the_request_without_a_charge(historical, priced, vendor):
    request, progress = priced(), Stop()

    def cancel(asked):
        progress.is_cancelled = asked.endpoint == RANGE

    historical.on_ask = cancel
    historical.fault(RANGE, "status", status=503)
    with pytest.raises(IngestError, match="Interrupted"):
        buy(vendor, request, progress)
    request.refresh_from_db()
    assert (request.state, request.charged_usd) == ("failed", 0)


def test_a_signal_does_not_lose_a_stream_that_is_paid_for(historical, priced, vendor):
    request, progress = priced(), Stop()

    def cancel(asked):
        progress.is_cancelled = asked.endpoint == RANGE

    historical.on_ask = cancel
    buy(vendor, request, progress)
    assert request.state == "arrived"


def test_a_folder_that_cannot_be_written_costs_nothing(historical, priced, vendor, settings, tmp_path):
    request = priced()
    settings.FEED_DIR = tmp_path / "file"
    settings.FEED_DIR.write_text("x")
    with pytest.raises(FeedRefused, match="FEED_DIR") as raised:
        buy(vendor, request, Progress())
    check_sentence(raised.value)
    request.refresh_from_db()
    assert (request.state, request.charged_usd) == ("priced", None)
    assert historical.purchases == []


def test_a_disk_without_space_costs_nothing(historical, priced, vendor):
    request = priced(priced_records=1 << 40)
    with pytest.raises(FeedRefused, match="free space") as raised:
        buy(vendor, request, Progress())
    check_sentence(raised.value)
    assert historical.purchases == []


def test_a_disk_that_fills_meanwhile_fails_the_request(historical, priced, vendor, monkeypatch):
    """/dev/full is a file on which every write fails for lack of space."""
    from pathlib import Path

    from ingestion.feeds.history import buy as module

    request = priced()
    monkeypatch.setattr(module, "part_path", lambda request: Path("/dev/full"))
    with pytest.raises(BrokenDownload, match="No space left") as raised:
        buy(vendor, request, Progress())
    check_failed(request, raised.value, charged=True)


def test_an_untrusted_certificate_is_a_sentence(historical, priced, vendor, monkeypatch):
    request = priced()
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(FeedRefused, match="not trusted") as raised:
        buy(vendor, request, Progress())
    check_failed(request, raised.value, charged=False)


def test_a_vendor_that_cannot_be_reached_costs_nothing(historical, priced, settings):
    request = priced()
    settings.DATABENTO_HISTORICAL_URL = "https://127.0.0.1:9"
    with pytest.raises(TryAgain, match="refused") as raised:
        buy(open_vendor(), request, Progress())
    check_failed(request, raised.value, charged=False)
    assert request.charged_usd == Decimal(0)


@pytest.mark.parametrize("content", [b"", b"x" * 1_000_000])
def test_a_part_that_exists_is_replaced(historical, priced, vendor, content):
    request = priced()
    prepare_folder(request)
    part_path(request).write_bytes(content)
    buy(vendor, request, Progress())
    assert request.state == "arrived"
    assert is_kept(request)


def test_a_folder_in_place_of_the_part_costs_nothing(historical, priced, vendor):
    request = priced()
    prepare_folder(request)
    part_path(request).mkdir()
    with pytest.raises(FeedRefused, match="cannot be written"):
        buy(vendor, request, Progress())
    assert historical.purchases == []


@pytest.mark.parametrize("slug, symbol", [("../../out", "A/B"), (".hidden", "..")])
def test_names_stay_in_the_folder(feeds_db, priced, settings, slug, symbol):
    request = priced()
    request.series.slug, request.vendor_symbol = slug, symbol
    path = history_path(request).resolve()
    assert path.is_relative_to(feed_folder().resolve() / "history")
    assert not path.parent.name.startswith(".")


def test_a_limit_of_the_process_costs_nothing(historical, priced, vendor):
    """As a quota, it is not seen in the free space of the disk."""
    request = priced()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(FeedRefused, match="cannot be written") as raised:
            buy(vendor, request, Progress())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    check_sentence(raised.value)
    assert historical.purchases == []
    assert list_files() == []


def test_a_session_that_the_server_ends_during_a_download_loses_nothing(historical, priced, vendor):
    request = priced()
    pid = connection.connection.get_backend_pid()

    def end_session(asked):
        if asked.endpoint == RANGE:
            with session() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    historical.on_ask = end_session
    buy(vendor, request, Progress())
    request.refresh_from_db()
    assert request.state == "arrived"
    assert connection.connection.get_backend_pid() != pid


def test_a_try_that_may_be_charged_counts_after_another_that_is_not(historical, priced, vendor):
    request = priced()
    historical.fault(RANGE, "reset")
    historical.fault(RANGE, "status", status=401)
    with pytest.raises(FeedRefused) as raised:
        buy(vendor, request, Progress())
    check_failed(request, raised.value, charged=True)


class Recorder(Progress):
    def __init__(self):
        self.calls = []

    def start_file(self, path, size):
        self.calls.append("start")

    def advance_to(self, position):
        self.calls.append(position)

    def end_file(self):
        self.calls.append("end")


@pytest.mark.parametrize("mode", ["stream", "batch"])
def test_progress_has_the_bytes(historical, priced, settings, mode):
    historical.batch_seconds = 0.1
    progress = Recorder()
    request = priced(mode=mode)
    buy(open_vendor(progress), request, progress)
    assert (progress.calls[0], progress.calls[-1], progress.calls.count("start")) == ("start", "end", 1)
    positions = progress.calls[1:-1]
    assert positions == sorted(positions)
    assert 0 < positions[-1] <= request.file_size
