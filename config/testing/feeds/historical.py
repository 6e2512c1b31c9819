"""A server that the client's `Historical` talks to, with faults on demand and a record of all requests.

    server = FakeHistorical(Market()).start()
    server.fault("timeseries.get_range", "reset_body", after=2000)

Money: get_cost prices a query. A get_range is bought in full when its body begins, the worst that the vendor's terms
allow; a batch job when it is submitted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .batch_jobs import BatchJobs
from .certificates import get_certificates
from .dbn_files import encode_stream
from .faults import Fault, Faults
from .http_server import Server
from .market import Market
from .queries import Query, parse_query
from .times import MINUTE, SECOND

KEY = "db-fakefakefakefakefakefakefake1"
GIGABYTE = 2**30
BYTES_PER_RECORD = 56


@dataclass
class Ask:
    """A request, with what was answered."""

    n: int
    at: float
    method: str
    endpoint: str
    params: dict[str, str]
    agent: str = ""
    status: int | None = None
    fault: str | None = None
    sent: int = 0
    note: str = ""


@dataclass
class Purchase:
    """A query that was paid for. `whole` is set when its last byte was sent and the fault, if any, left all records."""

    ask: int
    how: str  # streaming | batch
    query: Query
    cost: float
    records: int
    priced: bool
    whole: bool = False

    def overlaps(self, other: Purchase) -> set[str]:
        """The symbols that both bought for a common time."""
        ours, theirs = self.query, other.query
        common = ours.schema == theirs.schema and ours.start < theirs.end and theirs.start < ours.end
        return set(ours.symbols) & set(theirs.symbols) if common else set()


class FakeHistorical:
    """`market`: what exists. `now`: the vendor's clock (ns). `delay_s`: history ends that long before it. `refusal`:
    how a later end is refused: dataset_unavailable_range (no live licence), data_end_after_available_end (with one), or
    license_not_found_unauthorized. `unit_price`: US dollars per GB, 0 on flat-rate plans. `batch_seconds`: until a job
    is done. `on_ask`: called with each request before it is answered."""

    def __init__(
        self,
        market: Market | None = None,
        *,
        key: str = KEY,
        now: Callable[[], int] = time.time_ns,
        delay_s: float = 24 * 3600.0,
        refusal: str = "dataset_unavailable_range",
        unit_price: float = 280.0,
        batch_seconds: float = 1.0,
        frame_records: int = 20_000,
        tls: bool = True,
        port: int = 0,
    ) -> None:
        self.market = market or Market()
        self.key, self.now, self.delay_s, self.refusal = key, now, delay_s, refusal
        self.unit_price, self.batch_seconds, self.frame_records = unit_price, batch_seconds, frame_records
        self.tls, self.port = tls, port
        self.asks: list[Ask] = []
        self.purchases: list[Purchase] = []
        self.priced: list[Query] = []
        self.jobs: BatchJobs = BatchJobs(self)
        self.variables: dict[str, str] = {}
        self.on_ask: Callable[[Ask], object] = lambda ask: None
        self.faults = Faults()
        self._lock = threading.Lock()

    def start(self) -> FakeHistorical:
        self._server = Server(self, self.port)
        self.port = self._server.server_port
        if self.tls:
            context = get_certificates().make_server_context()
            plain = self._server.socket
            self._server.socket = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="historical").start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """The environment that other processes need to use this server; `variables` adds to it."""
        ca = str(get_certificates().ca)
        own = {"DATABENTO_API_KEY": self.key, "DATABENTO_HISTORICAL_URL": self.url}
        return own | {"REQUESTS_CA_BUNDLE": ca, "SSL_CERT_FILE": ca} | self.variables

    def fault(self, endpoint: str, kind: str, *, times: int = 1, skip: int = 0, **options: Any) -> None:
        """The next `times` requests of an endpoint, after `skip` good ones, go wrong. See faults.py for the kinds."""
        self.faults.add(Fault(endpoint, kind, times, skip, options))

    def asked(self, endpoint: str) -> list[Ask]:
        return [ask for ask in self.asks if ask.endpoint == endpoint]

    def record(self, method: str, endpoint: str, params: dict[str, str], agent: str) -> Ask:
        with self._lock:
            ask = Ask(len(self.asks) + 1, time.time(), method, endpoint, params, agent)
            self.asks.append(ask)
        self.on_ask(ask)
        return ask

    @property
    def available_end(self) -> int:
        return (self.now() - int(self.delay_s * SECOND)) // MINUTE * MINUTE

    def parse(self, fields: dict[str, str]) -> Query:
        """The query of a request, or Refused as the API does."""
        return parse_query(fields, self.market, self.available_end, self.refusal)

    def count(self, query: Query) -> int:
        return len(query.read_rows(self.market, self.now()))

    def encode(self, query: Query, compression: str) -> list[bytes]:
        return encode_stream(
            self.market, query, as_of=self.now(), frame_records=self.frame_records, compression=compression
        )

    def cost(self, records: int) -> float:
        """US dollars."""
        return round(records * BYTES_PER_RECORD / GIGABYTE * self.unit_price, 12)

    def price(self, query: Query) -> float:
        with self._lock:
            self.priced.append(query)
        return self.cost(self.count(query))

    def buy(self, ask: Ask, how: str, query: Query) -> Purchase:
        records = self.count(query)
        with self._lock:
            priced = any(known.covers(query) for known in self.priced)
            purchase = Purchase(ask.n, how, query, self.cost(records), records, priced)
            self.purchases.append(purchase)
        return purchase

    @property
    def spent(self) -> float:
        """US dollars for all purchases."""
        return sum(purchase.cost for purchase in self.purchases)

    def unpriced(self) -> list[Purchase]:
        """Purchases whose query, or a wider one, was not priced before."""
        return [purchase for purchase in self.purchases if not purchase.priced]

    def bought_twice(self, *, whole: bool = False) -> list[tuple[int, int, str]]:
        """Pairs of purchases that overlap in symbol and time: two requests and the symbol. With `whole`, only those
        whose first one was delivered whole."""
        pairs = [
            (first, second)
            for number, first in enumerate(self.purchases)
            for second in self.purchases[number + 1 :]
            if first.whole or not whole
        ]
        return [(first.ask, second.ask, symbol) for first, second in pairs for symbol in first.overlaps(second)]
