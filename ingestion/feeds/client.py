"""The client of the historical API. It has the key: it asks for prices, buys, and translates every error.

Importing this module imports the vendor's library, which takes half a second: import it where a request is made.
"""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from databento.common.enums import HistoricalGateway
from databento.historical.api.batch import BatchHttpAPI
from databento.historical.api.metadata import MetadataHttpAPI
from databento.historical.api.symbology import SymbologyHttpAPI
from databento.historical.api.timeseries import TimeseriesHttpAPI
from django.conf import settings
from django.views.decorators.debug import sensitive_variables
from requests import Response
from requests.auth import HTTPBasicAuth

from ingestion.feeds import values
from ingestion.feeds.asks import Ask, DayCondition, JobFile, MappedContract, Price
from ingestion.feeds.downloads import download_file
from ingestion.feeds.errors import BrokenDownload, FeedRefused, NothingThere, NotYetAvailable, TryAgain
from ingestion.feeds.folders import describe_os_error, refuse_folder
from ingestion.feeds.jobs import is_job_for
from ingestion.feeds.key import read_key
from ingestion.feeds.retries import repeat
from ingestion.feeds.transport import BodyFailed, Transport
from ingestion.progress import Progress

T = TypeVar("T")

_BLOCKS_PER_REPORT = 64
_VENDORS = ".databento.com"


class _Calls:
    """Replaces how the vendor's client sends requests. It still builds and checks them."""

    transport: Transport
    _headers: dict[str, str]  # of the vendor's client
    file: Any = None  # where a stream is written: open before the request is sent
    max_bytes = 0
    progress: Progress
    warnings: list[str]

    def _get(self, url: str, params: Any = None, basic_auth: bool = False) -> Response:
        return self.transport.send("GET", url, params=params, headers=self._headers)

    def _post(self, url: str, data: Any = None, params: Any = None, basic_auth: bool = False) -> Response:
        return self.transport.send("POST", url, data=data, params=params, headers=self._headers)

    def _stream(self, url: str, data: Any, basic_auth: bool, path: Any = None) -> Any:
        with self.transport.open("POST", url, data=data, headers=self._headers) as response:
            self.warnings = self.transport.read_warnings(response.headers)
            received = 0
            for number, block in enumerate(self.transport.read(response, self.max_bytes)):
                received += self.file.write(block)
                if number % _BLOCKS_PER_REPORT == 0:
                    self.progress.advance_to(received)


class _Metadata(_Calls, MetadataHttpAPI):
    pass


class _Timeseries(_Calls, TimeseriesHttpAPI):
    pass


class _Batch(_Calls, BatchHttpAPI):
    pass


class _Symbology(_Calls, SymbologyHttpAPI):
    pass


@sensitive_variables("key", "secrets")
def open_vendor(progress: Progress | None = None) -> Vendor:
    """The vendor's API as the settings name it. No request is sent.

    Raises `KeyMissing` without a usable key, and `FeedRefused` for an address that is not https.
    """
    key = read_key()
    secrets = (key.encode(), base64.b64encode(f"{key}:".encode()))
    auth = HTTPBasicAuth(key, "")
    return Vendor(
        gateway=_read_gateway(),
        transport=Transport(auth=auth, secrets=secrets, timeout=max(1, settings.FEED_TIMEOUT_SECONDS)),
        progress=progress or Progress(),
    )


def _read_gateway() -> str:
    url = settings.DATABENTO_HISTORICAL_URL.strip().rstrip("/")
    if not url:
        return str(HistoricalGateway.BO1.value)
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme == "https" and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_usable = False
    if not is_usable or "@" in url or parts.query or parts.fragment:
        raise FeedRefused(
            "DATABENTO_HISTORICAL_URL is not an https address: set it to one such as https://hist.databento.com, or "
            "leave it empty for the vendor's own."
        )
    return url


class Vendor:
    """Databento's historical API. Every method raises a `FeedError`, one sentence with what to do.

    Requests that cost nothing are repeated a few times. `stream` and `submit_job` cost money and are sent once.
    """

    def __init__(self, *, gateway: str, transport: Transport, progress: Progress) -> None:
        self._gateway, self._transport, self._progress = gateway, transport, progress
        # The key is in the transport's authorisation alone.
        self._metadata = _Metadata(key="", gateway=gateway)
        self._timeseries = _Timeseries(key="", gateway=gateway)
        self._batch = _Batch(key="", gateway=gateway)
        self._symbology = _Symbology(key="", gateway=gateway)
        for calls in (self._metadata, self._timeseries, self._batch, self._symbology):
            calls.transport, calls.progress = transport, progress

    def get_available(self, dataset: str, schema: str = "ohlcv-1m") -> tuple[datetime, datetime]:
        """Start and end of the dataset for this account, UTC and whole minutes."""
        return values.read_range(self._ask(lambda: self._metadata.get_dataset_range(dataset)), schema)

    def read_conditions(self, dataset: str, first: date, last: date) -> list[DayCondition]:
        """The vendor's condition of each UTC day from `first` to `last`, as far as it states one."""
        stated = self._ask(lambda: self._metadata.get_dataset_condition(dataset, first, last))
        return [found for found in values.read_conditions(stated) if first <= found.day <= last]

    def resolve(self, dataset: str, symbols: Sequence[str], first: date, stop: date) -> dict[str, list[MappedContract]]:
        """The contract of each continuous symbol on the UTC days from `first` to the day before `stop`, in time order.

        Costs nothing, and is sent once: the caller has an earlier answer. A symbol that resolves to nothing is lacking.
        """
        try:
            answer = _check(
                lambda: self._symbology.resolve(dataset, list(symbols), "continuous", "raw_symbol", first, stop)
            )
        except NothingThere:
            return {}
        return values.read_contracts(answer)

    def price(self, ask: Ask) -> Price:
        """What the request costs and brings. A request without records costs nothing, and is not priced."""
        records = self.count_records(ask)
        if not records:
            return Price(usd=Decimal(0), records=0)
        try:
            with _name_end(ask):
                usd = values.read_usd(self._ask_resolved(lambda: self._metadata.get_cost(**_query(ask))))
        except NothingThere as error:
            raise TryAgain(
                f"The vendor counts {records:,} records of {ask}, but does not resolve the symbol to price them: run "
                "the command again later."
            ) from error
        return Price(usd=usd, records=records)

    def count_records(self, ask: Ask) -> int:
        """How many records the request brings."""
        with _name_end(ask):
            return values.read_count(self._ask_resolved(lambda: self._metadata.get_record_count(**_query(ask))))

    def stream(self, ask: Ask, part: Path, *, max_bytes: int) -> list[str]:
        """Buy the data and write it to `part`, on the disk when this returns. Returns the vendor's warnings.

        Sent once. Raises `TryAgain` or `FeedRefused` if no data began to arrive, and `BrokenDownload` after that. The
        content is not checked.
        """
        calls = self._timeseries
        calls.max_bytes, calls.warnings = max_bytes, []
        query = _query(ask)
        try:
            calls.file = part.open("wb")
        except OSError as error:
            raise refuse_folder(error, part) from error
        try:
            with calls.file as file, _name_end(ask):
                _check(lambda: calls.get_range(**query))
                file.flush()
                os.fsync(file.fileno())
        except BodyFailed as failure:
            raise BrokenDownload(
                f"The data of {ask} did not arrive complete ({failure}), and may be charged: run the command again to "
                "buy it again within the caps."
            ) from None
        except OSError as error:
            raise BrokenDownload(
                f"The data of {ask} could not be written to {part} ({describe_os_error(error)}), so it is lost, and "
                "may be charged: free space, or set FEED_DIR to another disk, then run the command again."
            ) from error
        return calls.warnings

    def submit_job(self, ask: Ask) -> str:
        """Buy the data as a batch job of one file. Returns the job's id. Sent once.

        After a `TryAgain` with `may_be_charged`, the job may exist: see `find_job`.
        """
        try:
            with _name_end(ask):
                job = _check(lambda: self._batch.submit_job(**_query(ask), split_duration="none"))
        except TryAgain as error:
            # A gateway may fail after the job was made. A limit is checked before.
            error.may_be_charged = error.may_be_charged or error.status not in (None, 429)
            raise
        if job_id := values.read_job_id(job):
            return job_id
        raise TryAgain("The vendor's answer names no batch job: run the command again.", may_be_charged=True)

    def find_job(self, ask: Ask, since: datetime, *, exclude: Collection[str] = ()) -> str | None:
        """The id of a batch job for exactly this request, submitted at `since` or later."""
        return next((job_id for job_id in self.list_jobs(ask, since) if job_id not in exclude), None)

    def list_jobs(self, ask: Ask, since: datetime | None = None) -> list[str]:
        """The ids of all batch jobs for exactly this request, by when they were submitted. Not of expired ones."""
        states = "queued,processing,done"
        jobs = values.read_jobs(self._ask(lambda: self._batch.list_jobs(states=states, since=since)))
        found = (values.read_job_id(job) for job in jobs if is_job_for(job, ask))
        return [job_id for job_id in found if job_id]

    def get_job(self, job_id: str) -> dict[str, Any]:
        """The job as the vendor states it; `state` is queued, processing, done or expired."""
        job = self._ask(lambda: self._batch.get_job_details(job_id))
        return job if isinstance(job, dict) else {}

    def list_files(self, job_id: str) -> list[JobFile]:
        """The files of a job that is done."""
        return values.read_files(self._ask(lambda: self._batch.list_files(job_id)))

    def download(self, file: JobFile, path: Path, progress: Progress) -> None:
        """Download a file of a job to `path`, which may hold its first part. Size and SHA-256 are those of the file.

        Raises `TryAgain` if the connection fails too often, `BrokenDownload` if the content is wrong each time, and
        `FeedRefused` for an address that is not the vendor's: the key is not sent there.
        """
        if not self._is_vendors(file.url):
            raise FeedRefused(
                f"The batch file {file.name} is at an address that is not the vendor's, and the key is not sent there: "
                "check DATABENTO_HISTORICAL_URL."
            )
        try:
            download_file(self._transport, file, path, progress)
        except OSError as error:
            raise refuse_folder(error, path) from error

    def _is_vendors(self, url: str) -> bool:
        try:
            address, gateway = urlsplit(url), urlsplit(self._gateway)
            hosts = [parts.hostname or "" for parts in (address, gateway)]
            is_same = (address.hostname, address.port or 443) == (gateway.hostname, gateway.port or 443)
            is_own = all(host.endswith(_VENDORS) for host in hosts) and address.port in (None, 443)
        except ValueError:
            return False
        return address.scheme == "https" and "@" not in address.netloc and (is_same or is_own)

    def _ask_resolved(self, call: Callable[[], T]) -> T:
        """The answer. A symbol that resolves to nothing is remembered, and not asked again: it is asked for twice."""
        try:
            return self._ask(call)
        except NothingThere:
            return self._ask(call)

    def _ask(self, call: Callable[[], T]) -> T:
        return repeat(lambda: _check(call), self._progress)


def _check(call: Callable[[], T]) -> T:
    """The result of a call. Values that the vendor's client refuses to send are a `FeedRefused`."""
    try:
        return call()
    except (ValueError, TypeError) as error:
        raise FeedRefused(
            f"The request cannot be sent ({' '.join(str(error).split())[:200]}): check the subscription of the series."
        ) from None


@contextlib.contextmanager
def _name_end(ask: Ask) -> Iterator[None]:
    """A `NotYetAvailable` names an end before that of the request; any other one is a refusal for a person."""
    try:
        yield
    except NotYetAvailable as error:
        if error.end < ask.end:
            raise
        raise FeedRefused(f"{error} Check the account and its licences on the portal of Databento.") from None


def _query(ask: Ask) -> dict[str, Any]:
    if "," in ask.symbol or ask.symbol.strip().upper() in ("", "ALL_SYMBOLS"):
        raise FeedRefused(f"A series requests one symbol, not {ask.symbol!r}: correct its subscription.")
    return {
        "dataset": ask.dataset,
        "symbols": ask.symbol,
        "stype_in": ask.stype,
        "schema": ask.schema,
        "start": ask.start,
        "end": ask.end,
    }
