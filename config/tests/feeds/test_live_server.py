"""The live gateway for tests: the vendor's protocol, its records, and each of its faults."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import databento_dbn as dbn
import numpy as np
import pytest

from config.testing.feeds.gateway.clock import Clock
from config.testing.feeds.historical import KEY
from config.testing.feeds.live import FakeLive
from config.testing.feeds.times import MINUTE, to_iso, to_ns
from config.testing.processes import until

pytestmark = pytest.mark.slow

NOW = "2024-03-05T14:00:00"
START = "2024-03-05T13:50:00"
GARBAGE = b"\xff" * 64


class Client:
    """A client of the gateway's protocol, by a plain socket."""

    def __init__(self, gateway: FakeLive, key: str = KEY) -> None:
        self._socket = socket.create_connection(("127.0.0.1", gateway.port), timeout=5)
        self._key = key
        self.data = b""
        self.ended = ""

    def read_line(self) -> str:
        line = b""
        while not line.endswith(b"\n"):
            part = self._socket.recv(1)
            if not part:
                break
            line += part
        return line.decode().strip()

    def authenticate(self) -> str:
        self.read_line()
        challenge = self.read_line().removeprefix("cram=")
        digest = hashlib.sha256(f"{challenge}|{self._key}".encode()).hexdigest()
        self.write(f"auth={digest}-{self._key[-5:]}|dataset=GLBX.MDP3|encoding=dbn|heartbeat_interval_s=5")
        return self.read_line()

    def start(self, *, symbols: str = "MNQ.c.0", start: str | None = START) -> Client:
        assert self.authenticate().startswith("success=1|session_id=")
        begin = f"|start={to_ns(start)}" if start else ""
        self.write(f"schema=ohlcv-1m|stype_in=continuous|symbols={symbols}{begin}|id=1|is_last=1")
        self.write("start_session=0")
        return self

    def write(self, line: str) -> None:
        self._socket.sendall(f"{line}\n".encode())

    def read(self, until: Callable[[list[Any]], object], seconds: float = 5) -> list[Any]:
        """Records, until a condition of them is true, the connection ends, or the time is over."""
        deadline = time.monotonic() + seconds
        self._socket.settimeout(0.05)
        records: list[Any] = []
        while not self.ended and not until(records) and time.monotonic() < deadline:
            try:
                part = self._socket.recv(65536)
            except TimeoutError:
                continue
            except ConnectionResetError:
                part, self.ended = b"", "rst"
            self.ended = self.ended or ("" if part else "eof")
            self.data += part
            records = decode(self.data)
        return records

    def close(self) -> None:
        self._socket.close()


def decode(data: bytes) -> list[Any]:
    """All whole records before a garbage fault. The first is the metadata."""
    decoder = dbn.DBNDecoder()
    decoder.write(data.partition(GARBAGE)[0])
    return list(decoder.decode()) if data else []


def list_bars(records: list[Any]) -> list[dbn.OHLCVMsg]:
    return [record for record in records if isinstance(record, dbn.OHLCVMsg)]


def list_codes(records: list[Any]) -> list[str]:
    return [str(record.code) for record in records if isinstance(record, (dbn.SystemMsg, dbn.ErrorMsg))]


@pytest.fixture
def gateway() -> Iterator[FakeLive]:
    server = FakeLive(clock=Clock(start=NOW, speed=60)).start()
    yield server
    server.stop()


@pytest.fixture
def connect(gateway: FakeLive) -> Iterator[Callable[..., Client]]:
    clients: list[Client] = []

    def open_client(key: str = KEY) -> Client:
        clients.append(Client(gateway, key))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close()


def has_bars(count: int) -> Callable[[list[Any]], bool]:
    return lambda records: len(list_bars(records)) >= count


def test_a_session_replays_and_then_follows_the_clock(gateway, connect):
    records = connect().start().read(has_bars(14))
    assert isinstance(records[0], dbn.Metadata)
    mapping = next(record for record in records if isinstance(record, dbn.SymbolMappingMsg))
    assert (mapping.stype_in_symbol, mapping.stype_out_symbol) == ("MNQ.c.0", "MNQH4")
    sent = [(bar.instrument_id, bar.ts_event) for bar in list_bars(records)]
    want = gateway.market.bars(["MNQ.c.0"], "continuous", START, gateway.clock())
    assert sent == [(int(bar["instrument_id"]), int(bar["ts_event"])) for bar in want[: len(sent)]]
    codes = list_codes(records)
    assert codes[0] == "subscription_ack"
    assert codes.count("replay_completed") == 1
    assert codes.index("replay_completed") == 11, "after the 10 minutes of the replay"
    assert gateway.sessions[0].starts == [to_ns(START)]
    assert until(lambda: set(sent) <= gateway.delivered())  # it notes a bar after it has sent it


def test_an_interval_ends_after_its_bars(gateway, connect):
    records = connect().start().read(has_bars(5))
    ends = [record for record in records if getattr(record, "code", None) == dbn.SystemCode.END_OF_INTERVAL]
    assert to_iso(ends[0].ts_event)[:16] == "2024-03-05T13:51"
    assert records.index(ends[0]) > records.index(list_bars(records)[0])


def test_without_a_start_nothing_is_replayed(gateway, connect):
    records = connect().start(start=None).read(has_bars(1))
    assert list_bars(records)[0].ts_event >= to_ns(NOW)
    assert gateway.sessions[0].starts == [None]


def test_a_session_without_bars_has_heartbeats(gateway, connect):
    gateway.clock.speed = 0.001
    assert "heartbeat" in list_codes(
        connect().start(start=None).read(lambda found: "heartbeat" in list_codes(found), 8)
    )


def test_an_unknown_symbol_is_an_error_that_ends_nothing(gateway, connect):
    records = connect().start(symbols="MNQ.c.0,NOPE.c.0").read(has_bars(5))
    assert "symbol_resolution_failed" in list_codes(records)
    assert len(list_bars(records)) >= 5


@pytest.mark.parametrize("aged_out, code", [("skip", None), ("error", "replay_data_aged_out")])
def test_a_start_before_the_replay(gateway, connect, aged_out, code):
    gateway.aged_out = aged_out
    client = connect().start(start="2024-03-04T08:00:00")
    records = client.read(has_bars(5))
    if code:
        assert code in list_codes(records)
        assert client.ended == "eof"
    else:
        assert list_bars(records)[0].ts_event >= to_ns("2024-03-04T14:00:00")


def test_a_wrong_key_and_too_many_sessions_are_refused(gateway, connect):
    assert connect("db-wrongwrongwrongwrongwrongwrong").authenticate() == "success=0|error=Authentication failed."
    gateway.max_sessions = 1
    connect().start().read(has_bars(1))
    assert "open connection limit" in connect().authenticate()


@pytest.mark.parametrize("kind, ended", [("close_at_once", "eof"), ("rst_at_once", "rst"), ("close_at_auth", "eof")])
def test_a_connection_that_ends_before_the_session(gateway, connect, kind, ended):
    gateway.fault(kind)
    client = connect()
    if kind == "close_at_auth":
        assert client.authenticate() == ""
    client.read(lambda records: False)
    assert client.ended == ended
    until(lambda: gateway.sessions[0].ended == kind)


@pytest.mark.parametrize("kind", ["no_greeting", "no_auth_answer"])
def test_a_gateway_that_does_not_answer(gateway, connect, kind):
    gateway.fault(kind, seconds=30)
    client = connect()
    client._socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.authenticate()
    client.close()
    until(lambda: not gateway.open_sessions)


def test_authentication_can_be_refused(gateway, connect):
    gateway.fault("refuse_auth", error="User has reached their open connection limit.")
    assert connect().authenticate() == "success=0|error=User has reached their open connection limit."


@pytest.mark.parametrize("kind, records", [("silent_start", 0), ("metadata_only", 1)])
def test_silence_from_the_start(gateway, connect, kind, records):
    gateway.fault(kind, seconds=30)
    assert len(connect().start().read(lambda found: False, 0.5)) == records


@pytest.mark.parametrize("kind, ended", [("eof", "eof"), ("rst", "rst"), ("half_eof", "eof"), ("half_rst", "rst")])
def test_a_session_ends(gateway, connect, kind, ended):
    gateway.fault(kind, after=5)
    client = connect().start()
    client.read(lambda records: False)
    assert client.ended == ended
    until(lambda: gateway.sessions[0].ended == kind)
    assert gateway.sessions[0].bars == 5
    assert gateway.open_sessions == []


def test_silence_and_heartbeats_without_bars(gateway, connect):
    gateway.clock.speed = 3600
    gateway.fault("silence", after=30, seconds=0.2)
    gateway.fault("no_bars", after=60, seconds=0.5, every=0.1)
    records = connect().start().read(has_bars(70))
    minutes = [bar.ts_event // MINUTE for bar in list_bars(records)]
    assert list_codes(records).count("heartbeat") >= 4
    assert max(np.diff(minutes)) > 10, "what was missed is not sent"


@pytest.mark.parametrize("kind, ended", [("error", "eof"), ("error_no_close", "")])
def test_an_error_record(gateway, connect, kind, ended):
    gateway.fault(kind, after=11, code="api_key_deactivated", err="API key deactivated")
    client = connect().start()
    records = client.read(lambda found: len(list_bars(found)) > 13)
    error = next(record for record in records if isinstance(record, dbn.ErrorMsg))
    assert (str(error.code), error.err, client.ended) == ("api_key_deactivated", "API key deactivated", ended)


def test_two_bars_for_one_and_a_late_one(gateway, connect):
    for after, kind in ((3, "dup"), (6, "dup_changed"), (9, "late")):
        gateway.fault(kind, after=after)
    bars = list_bars(connect().start().read(has_bars(11)))
    times = [bar.ts_event for bar in bars]
    assert times[3] == times[4]
    assert bars[3].volume == bars[4].volume
    assert times[6] == times[7]
    assert bars[6].volume + 1 == bars[7].volume
    assert times[9] > times[10]


@pytest.mark.parametrize(
    "kind, change",
    [
        ("bad_ohlc", lambda bar: bar.high < bar.low),
        ("undefined_price", lambda bar: bar.close == 2**63 - 1),
        ("off_minute", lambda bar: bar.ts_event % MINUTE != 0),
        ("other_schema", lambda bar: bar.rtype == dbn.RType.OHLCV_1S),
        ("unmapped", lambda bar: bar.instrument_id == 99),
        ("future", lambda bar: bar.ts_event > to_ns(NOW) + 30 * MINUTE),
    ],
)
def test_a_bar_that_cannot_be_true(gateway, connect, kind, change):
    gateway.fault(kind, after=3)
    bars = list_bars(connect().start().read(has_bars(6)))
    assert [change(bar) for bar in bars[:5]] == [False, False, False, True, False]


@pytest.mark.parametrize("kind, codes", [("hole", 0), ("skipped", 1)])
def test_bars_that_never_come(gateway, connect, kind, codes):
    gateway.fault(kind, after=3, bars=3)
    records = connect().start().read(has_bars(6))
    minutes = [bar.ts_event // MINUTE for bar in list_bars(records)]
    assert minutes[3] - minutes[2] >= 4
    assert list_codes(records).count("skipped_records_after_slow_reading") == codes


def test_garbage_a_warning_and_another_mapping(gateway, connect):
    gateway.fault("slow_warning", after=2)
    gateway.fault("remap", after=3, symbol="MNQ.c.0", instrument_id=1_202_406)
    gateway.fault("garbage", after=5)
    client = connect().start()
    records = client.read(lambda found: GARBAGE in client.data)
    assert GARBAGE in client.data
    assert "slow_reader_warning" in list_codes(records)
    symbols = [record.stype_out_symbol for record in records if isinstance(record, dbn.SymbolMappingMsg)]
    assert symbols == ["MNQH4", "MNQM4"]


def test_the_clock_can_jump(gateway, connect):
    gateway.fault("clock_jump", after=11, seconds=3600)
    bars = list_bars(connect().start().read(has_bars(20)))
    assert bars[-1].ts_event > bars[0].ts_event
    assert gateway.clock() > to_ns("2024-03-05T15:00")


def test_a_restart_refuses_connections_for_a_time(gateway, connect):
    client = connect().start()
    client.read(has_bars(11))
    gateway.down()
    with pytest.raises(ConnectionRefusedError):
        connect()
    gateway.up()
    gateway.restart(0.2)
    client.read(lambda records: False)
    assert client.ended == "eof"
    assert connect().start().read(has_bars(1))
