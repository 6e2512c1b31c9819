"""The vendor's answers and refusals: each is a checked value, or a sentence without the key."""

import base64
import threading
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from config.testing.feeds.certificates import get_certificates
from config.testing.feeds.historical import KEY
from config.testing.processes import scale_limit
from ingestion.feeds.asks import Ask, DayCondition
from ingestion.feeds.client import open_vendor
from ingestion.feeds.errors import FeedError, FeedRefused, KeyMissing, NothingThere, NotYetAvailable, TryAgain
from ingestion.feeds.key import has_key
from ingestion.feeds.refusals import read_retry_after, translate_refusal
from ingestion.feeds.retries import MAX_TRIES
from ingestion.feeds.values import parse_time, read_conditions, read_count, read_files, read_range, read_usd

COST, COUNT = "metadata.get_cost", "metadata.get_record_count"


@pytest.mark.parametrize("key", ["", "  ", "\n", "YOUR_API_KEY", "db-secret with blanks", "db-sécret", "db-sec\x00ret"])
def test_a_key_that_cannot_be_used_is_not_printed(historical, settings, key):
    settings.DATABENTO_API_KEY = key
    with pytest.raises(KeyMissing, match="set DATABENTO_API_KEY") as raised:
        open_vendor()
    assert "sec" not in str(raised.value)
    assert has_key() == bool(key.strip())
    assert historical.asks == []


def test_white_space_around_the_key_is_ignored(historical, settings, ask):
    settings.DATABENTO_API_KEY = f" {KEY}\n"
    assert open_vendor().count_records(ask) > 0


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:1",
        "ftp://x",
        "localhost:8443",
        "https://",
        "https://user:secret@host",
        "https://host:99999",
        "https://host/?a=1",
    ],
)
def test_an_address_that_is_not_https_is_refused(historical, settings, url):
    settings.DATABENTO_HISTORICAL_URL = url
    with pytest.raises(FeedRefused, match="DATABENTO_HISTORICAL_URL is not an https address") as raised:
        open_vendor()
    assert "secret" not in str(raised.value)


def test_a_wrong_key_is_a_sentence(historical, settings, ask):
    settings.DATABENTO_API_KEY = "db-another"
    with pytest.raises(FeedRefused, match="401 auth_authentication_failed") as raised:
        open_vendor().price(ask)
    assert "db-another" not in str(raised.value)


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("value", [None, "0.40", float("nan"), float("inf"), -0.01, True, [], {}, 1e30])
def test_a_price_that_is_not_a_number_is_refused(historical, vendor, ask, value):
    historical.fault(COST, "json", value=value)
    with pytest.raises(FeedRefused, match="price"):
        vendor.price(ask)
    assert len(historical.asked(COST)) == 1


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("value", [None, "5", float("nan"), 5.0, -1, True, 1 << 60])
def test_a_count_that_is_not_a_number_is_refused(historical, vendor, ask, value):
    historical.fault(COUNT, "json", value=value)
    with pytest.raises(FeedRefused, match="record count"):
        vendor.price(ask)
    assert historical.asked(COST) == []


def test_a_price_is_rounded_up(historical, vendor, ask):
    price = vendor.price(ask)
    exact = Decimal(repr(historical.cost(price.records)))
    assert exact <= price.usd < exact + Decimal("0.000001")
    assert read_usd(0) == 0
    assert read_usd(0.1) == Decimal("0.1")
    assert read_usd(1e-9) == Decimal("0.000001")
    assert read_usd(12) == 12


def test_nothing_is_priced_without_records(historical, vendor, ask):
    closed = Ask(
        ask.dataset, ask.symbol, ask.stype, datetime(2024, 3, 16, tzinfo=UTC), datetime(2024, 3, 17, tzinfo=UTC)
    )
    assert vendor.price(closed).records == vendor.price(closed).usd == 0
    assert historical.asked(COST) == []


def test_a_symbol_that_is_not_resolved_is_nothing_there(vendor, ask):
    with pytest.raises(NothingThere, match="symbology_invalid_request"):
        vendor.price(Ask(ask.dataset, "NOPE.c.0", ask.stype, ask.start, ask.end))


@pytest.mark.parametrize("symbol", ["MNQ.c.0,ES.c.0", "ALL_SYMBOLS", "all_symbols ", ""])
def test_a_request_has_one_symbol(historical, vendor, ask, symbol):
    with pytest.raises(FeedRefused, match="subscription"):
        vendor.price(Ask(ask.dataset, symbol, ask.stype, ask.start, ask.end))
    assert historical.asks == []


@pytest.mark.parametrize(
    "refusal", ["dataset_unavailable_range", "data_end_after_available_end", "license_not_found_unauthorized"]
)
def test_a_refusal_names_the_end(historical, vendor, ask, refusal):
    historical.refusal = refusal
    start, available = vendor.get_available(ask.dataset)
    later = Ask(ask.dataset, ask.symbol, ask.stype, available - timedelta(days=1), available + timedelta(hours=1))
    with pytest.raises(NotYetAvailable) as raised:
        vendor.price(later)
    assert raised.value.end - available in (timedelta(0), timedelta(minutes=1))
    assert start == datetime(2010, 6, 6, tzinfo=UTC)


def test_a_refusal_that_names_a_later_end_is_for_a_person(historical, vendor, ask):
    historical.fault(COUNT, "status", status=403)
    with pytest.raises(FeedRefused, match="licences"):
        vendor.price(ask)


def test_conditions_include_the_last_day(historical, vendor):
    historical.market.degraded.add(date(2024, 3, 12))
    found = vendor.read_conditions("GLBX.MDP3", date(2024, 3, 11), date(2024, 3, 12))
    assert found == [
        DayCondition(date(2024, 3, 11), "available", date(2024, 3, 12)),
        DayCondition(date(2024, 3, 12), "degraded", date(2024, 3, 13)),
    ]


@pytest.mark.parametrize(
    "stated", [None, {}, [{"date": "2024-03-11", "condition": "new"}], [{"condition": "missing"}], [3]]
)
def test_conditions_of_another_form_are_refused(stated):
    with pytest.raises(FeedRefused, match="condition"):
        read_conditions(stated)


def test_the_range_of_the_schema_counts():
    own = {"start": "2012-01-01", "end": "2024-01-02T03:04:05.123456789Z"}
    stated = {"start": "2010-01-01", "end": "2025-01-01", "schema": {"ohlcv-1m": own}}
    assert read_range(stated, "ohlcv-1m") == (datetime(2012, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, 3, 4, tzinfo=UTC))
    assert read_range(stated, "trades")[1] == datetime(2025, 1, 1, tzinfo=UTC)
    with pytest.raises(FeedRefused, match="available range"):
        read_range({"start": None, "end": 5}, "trades")


@pytest.mark.parametrize(
    "text, moment",
    [
        ("2024-01-02", datetime(2024, 1, 2, tzinfo=UTC)),
        ("2024-01-02 03:04:59+00:00", datetime(2024, 1, 2, 3, 4, tzinfo=UTC)),
        ("2024-01-02T03:04:05+02:00", datetime(2024, 1, 2, 1, 4, tzinfo=UTC)),
        ("2024-13-02", None),
        ("soon", None),
        (None, None),
        (5, None),
    ],
)
def test_times_of_the_vendor(text, moment):
    assert parse_time(text) == moment


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("body", ["json", "html", "text"])
def test_free_requests_are_repeated(historical, vendor, ask, status, body):
    historical.fault(COST, "status", status=status, body=body, times=MAX_TRIES - 1)
    assert vendor.price(ask).usd > 0
    historical.fault(COST, "status", status=status, body=body, times=MAX_TRIES)
    with pytest.raises(TryAgain, match=str(status)):
        vendor.price(ask)


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("kind, options", [("reset", {}), ("close", {}), ("hang", {"seconds": 2})])
def test_free_requests_survive_the_network(historical, vendor, ask, kind, options):
    historical.fault("*", kind, **options)
    assert vendor.price(ask).usd > 0


@pytest.mark.parametrize("date_form", [False, True])
def test_the_wait_that_the_vendor_asks_for_is_honoured(historical, vendor, ask, date_form):
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True) if date_form else 1
    historical.fault(COUNT, "status", status=429, retry_after=until)
    started = time.monotonic()
    vendor.count_records(ask)
    assert 0.9 < time.monotonic() - started < scale_limit(4)


def test_a_long_wait_is_for_the_next_run(historical, vendor, ask):
    historical.fault(COUNT, "status", status=429, retry_after=86_400)
    started = time.monotonic()
    with pytest.raises(TryAgain, match="86,400 s") as raised:
        vendor.count_records(ask)
    assert time.monotonic() - started < scale_limit(2)
    assert raised.value.after == 86_400


@pytest.mark.parametrize(
    "headers, seconds",
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT", "Date": "Wed, 21 Oct 2026 07:27:00 GMT"}, 60),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT", "Date": "Thu, 22 Oct 2026 07:27:00 GMT"}, 0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "nan"}, None),
        ({}, None),
    ],
)
def test_both_forms_of_retry_after(headers, seconds):
    assert read_retry_after(headers) == seconds


@pytest.fixture
def redirecting(historical):
    """The address of a server that redirects every request to the historical API."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(307)
            self.send_header("Location", f"{historical.url}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = get_certificates().make_server_context().wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"https://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_redirect_is_not_followed(historical, settings, ask, redirecting):
    settings.DATABENTO_HISTORICAL_URL = redirecting
    with pytest.raises(FeedRefused, match="redirects"):
        open_vendor().count_records(ask)
    assert historical.asks == []


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"[" * 99_999, b'{"detail": null}', b'{"detail": [1]}', b"[]", b"null"]
)
@pytest.mark.parametrize("status", [400, 403, 422, 500])
def test_any_refusal_is_a_sentence(status, body):
    error = translate_refusal(status, {}, body)
    assert isinstance(error, FeedError)
    assert str(error).endswith(".")


def test_a_refusal_that_repeats_the_key_does_not_show_it(historical, vendor, ask):
    encoded = base64.b64encode(f"{KEY}:".encode()).decode()
    transport = vendor._transport
    hidden = translate_refusal(418, {}, transport._hide(f'{{"detail": "{KEY} {encoded}"}}'.encode()))
    assert KEY not in str(hidden)
    assert "***" in str(hidden)
    assert transport.read_warnings({"X-Warning": f'["{KEY}"]'}) == ["***"]
    assert encoded not in str(hidden)


@pytest.mark.parametrize(
    "header, warnings",
    [
        ('["Warning: a", "b"]', ["Warning: a", "b"]),
        ("not JSON", ["not JSON"]),
        ('"one"', ["one"]),
        ('{"a": 1}', ["{'a': 1}"]),
        ("[" * 99_999, ["[" * 300]),
        ("", []),
    ],
)
def test_a_warning_header_of_any_form_is_kept(vendor, header, warnings):
    assert vendor._transport.read_warnings({"X-Warning": header}) == warnings


@pytest.mark.parametrize(
    "change",
    [{"hash": "md5:00"}, {"hash": None}, {"size": -1}, {"size": True}, {"urls": {}}, {"filename": ""}, {"urls": 3}],
)
def test_a_file_that_cannot_be_checked_is_refused(change):
    file = {"filename": "a", "size": 1, "hash": "sha256:" + "0" * 64, "urls": {"https": "https://x"}}
    assert read_files([file])[0].sha256 == "0" * 64
    with pytest.raises(FeedRefused):
        read_files([file | change])


def test_counts():
    assert read_count(0) == 0
    assert read_count(5) == 5


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("value", ["garbage", {}, 5])
def test_html_instead_of_json_is_a_sentence(historical, vendor, ask, value):
    historical.fault("metadata.get_dataset_range", "json", value=value)
    with pytest.raises(FeedRefused, match="available range"):
        vendor.get_available(ask.dataset)


def test_a_vendor_without_the_key_in_its_state(vendor):
    found = [repr(vars(calls)) for calls in (vendor._metadata, vendor._batch, vendor._timeseries)]
    assert not any(KEY in text for text in found)
