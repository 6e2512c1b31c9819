"""`manage.py backfill` in processes of its own against the historical API for tests, and what must then be true."""

from __future__ import annotations

import base64
import contextlib
import io
import itertools
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import zstandard
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from config.testing.feeds.historical import BYTES_PER_RECORD, FakeHistorical
from config.testing.feeds.times import to_ns
from config.testing.processes import Ended, Process
from marketdata.models import Bar, FeedRequest, Series

TABLES = (
    *("market_feed_requests", "market_backfills", "market_series_days", "market_vendor_days", "market_known_empty"),
    *("data_ingest_runs", "django_tasks_database_dbtaskresult"),
)
CODES = (0, 1, 3)


class Scene:
    """A series, its range, and the processes that fill it."""

    def __init__(
        self,
        server: FakeHistorical,
        folder: Path,
        *,
        start: str = "2024-03-11",
        end: str = "2024-03-13",
        url: str | None = None,
    ) -> None:
        self.server, self.folder, self.start, self.end, self.url = server, folder, start, end, url
        server.frame_records = 1000
        server.batch_seconds = 0.2
        server.variables["FEED_TIMEOUT_SECONDS"] = "2"
        self.outputs: list[str] = []
        self.in_process = False
        self.may_buy_again = False

    @property
    def arguments(self) -> list[str]:
        return ["--series", "mnq", "--start", self.start, "--end", self.end, "--yes"]

    def open(self, *more: str, **variables: str) -> Process:
        return Process(*self.arguments, *more, command="backfill", url=self.url, **self.server.env | variables)

    def run(self, *more: str, code: int | None = None, **variables: str) -> Ended:
        if self.in_process:
            return self.check(run_in_process([*self.arguments, *more], self.server.env | variables), code)
        with self.open(*more, **variables) as process:
            return self.check(process.end(120), code)

    def run_with(self, series: str, start: str, end: str, *more: str) -> Ended:
        """A run of other series, by their slugs."""
        return self._run_other("--series", *series.split(), "--start", start, "--end", end, "--yes", *more)

    def run_daily(self) -> Ended:
        return self._run_other("--daily")

    def open_without_yes(self, *more: str) -> Process:
        arguments = [argument for argument in self.arguments if argument != "--yes"]
        return Process(*arguments, *more, command="backfill", url=self.url, **self.server.env)

    def _run_other(self, *arguments: str) -> Ended:
        if self.in_process:
            return self.check(run_in_process(list(arguments), self.server.env), 0)
        with Process(*arguments, command="backfill", url=self.url, **self.server.env) as process:
            return self.check(process.end(280), 0)

    def check(self, ended: Ended, code: int | None = None) -> Ended:
        """What is true of every run: its exit code, no traceback, no key, and money within the caps."""
        self.outputs.append(f"exit {ended.code}\n{ended.out}\n{ended.err}")
        text = ended.out + ended.err
        assert "Traceback" not in text, text
        assert self.server.key not in text, text
        assert ended.code in (CODES if code is None else (code,)), text
        assert ended.code == 0 or ended.err.strip(), "an error has a message"
        self.check_money()
        return ended

    def check_money(self) -> None:
        server, caps = self.server, self.server.variables
        cap = min(float(caps["FEED_MAX_USD_PER_RUN"] or 0), float(caps["FEED_MAX_USD_PER_MONTH"] or 0))
        assert server.spent <= cap + 1e-9
        assert server.unpriced() == []
        if self.url is None:
            charged = sum(
                FeedRequest.objects.exclude(charged_usd=None).values_list("charged_usd", flat=True), Decimal(0)
            )
            assert float(charged) >= server.spent - 1e-5, f"charged {charged}, but the vendor sold for {server.spent}"

    def finish(self) -> None:
        """After the faults: one run completes, and another one requests nothing that could cost."""
        self.server.faults.clear()
        self.run(code=0)
        assert self.read_table() == self.read_market()
        posts = self.count_posts()
        self.run(code=0)
        assert self.count_posts() == posts, [ask.endpoint for ask in self.server.asks[-9:]]
        assert self.may_buy_again or self.server.bought_twice(whole=True) == []
        assert self.read_table() == self.read_market()
        self.check_secrets()

    def count_posts(self) -> int:
        return sum(ask.method == "POST" for ask in self.server.asks)

    def read_market(self, symbol: str = "MNQ.c.0", stype: str = "continuous") -> dict[int, tuple[int, ...]]:
        rows = self.server.market.bars([symbol], stype, self.start, self.end, as_of=self.server.now())
        names = ("open", "high", "low", "close", "volume")
        return {int(row["ts_event"]): tuple(int(row[name]) for name in names) for row in rows}

    def read_market_until(self, end: str) -> dict[int, tuple[int, ...]]:
        return {ts: values for ts, values in self.read_market().items() if ts < to_ns(f"{end}:00Z")}

    def read_table(self) -> dict[int, tuple[int, ...]]:
        """All bars of the series by time (ns), prices in 1e-9."""
        return read_bars(Series.objects.get(slug="mnq").symbol)

    def find_files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()] if self.folder.exists() else []

    def find_whole(self) -> list[Path]:
        """Files that hold all records of the range."""
        wanted = len(self.read_market()) * BYTES_PER_RECORD
        return [path for path in self.find_files() if ".dbn" in path.name and _measure(path) >= wanted]

    def check_secrets(self) -> None:
        key = self.server.key.encode()
        secrets = (key, base64.b64encode(key + b":"))
        texts = itertools.chain(self.outputs, self.dump_tables())
        assert [text for text in texts if any(secret in text.encode() for secret in secrets)] == []
        assert [path for path in self.find_files() if any(secret in path.read_bytes() for secret in secrets)] == []

    def dump_tables(self) -> list[str]:
        if self.url is not None:
            return []
        with connection.cursor() as cursor:
            found = []
            for table in TABLES:
                cursor.execute(f"SELECT t::text FROM {table} AS t")  # noqa: S608  # a constant
                found += [text for (text,) in cursor]
        return found

    def list_requests(self) -> list[dict[str, Any]]:
        return list(FeedRequest.objects.order_by("id").values("state", "charged_usd", "error", "reason", "mode"))


def run_in_process(arguments: list[str], variables: dict[str, str]) -> Ended:
    """The command in this process, which is faster: its exit code, and what it printed."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        override_settings(**read_settings(variables)),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            call_command("backfill", *arguments, stdout=out, stderr=err)
        except CommandError as error:
            code = error.returncode
            err.write(f"CommandError: {error}")
        except SystemExit as error:
            code = int(error.code or 0)
    return Ended(code, out.getvalue(), err.getvalue())


def read_settings(variables: dict[str, str]) -> dict[str, object]:
    """The settings of feeds that these variables give."""
    amounts = [name for name in variables if name.endswith("_USD") or "_USD_PER_" in name]
    return {
        **{name: variables[name] for name in variables if name.startswith("DATABENTO_")},
        **{name: Decimal(variables[name]) if variables[name] else None for name in amounts},
        "FEED_DIR": Path(variables["FEED_DIR"]),
        "FEED_TIMEOUT_SECONDS": int(variables["FEED_TIMEOUT_SECONDS"]),
    }


def read_bars(symbol: str) -> dict[int, tuple[int, ...]]:
    bars = Bar.objects.filter(symbol=symbol)
    rows = bars.values_list("ts", "open", "high", "low", "close", "volume")
    return {_to_ns(ts): (*(int(price * 10**9) for price in prices), volume) for ts, *prices, volume in rows}


def _to_ns(moment: datetime) -> int:
    return to_ns(moment)


def _measure(path: Path) -> int:
    """Bytes of DBN in a file, as far as it can be decompressed, without its metadata."""
    reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(path.read_bytes()), read_across_frames=True)
    try:
        data = reader.read()
    except zstandard.ZstdError:
        return 0
    return len(data) - 8 - int.from_bytes(data[4:8], "little") if len(data) >= 8 else 0
