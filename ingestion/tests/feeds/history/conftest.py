"""Backfills against the historical API of the tests, with a clock that stands still until a test moves it."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from config.testing.feeds.historical import FakeHistorical
from ingestion.feeds import retries
from marketdata.models import Bar, Series

START = datetime(2024, 3, 4, tzinfo=UTC)  # a Monday; clocks change on the Sunday after it
NOW = datetime(2024, 3, 9, 12, tzinfo=UTC)
NS = 10**9
TABLES = (
    "market_series_days, market_vendor_days, market_vendor_datasets, market_known_empty, market_feed_requests, "
    "market_backfills, data_ingest_runs, market_bars_ohlcv_1m, market_bar_revisions, market_series_instruments"
)


@dataclass(frozen=True)
class Ended:
    """How a backfill ended."""

    code: int
    error: str
    json: dict[str, Any]


class Trial:
    """A database, a vendor, and the vendor's clock."""

    def __init__(self, server: FakeHistorical) -> None:
        self.server = server
        self.now = NOW
        server.now = lambda: int(self.now.timestamp()) * NS

    def reset(self) -> None:
        """Begin again, without bars, requests and purchases."""
        self.now = NOW
        self.server.purchases.clear()
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {TABLES}")

    def subscribe(self, slug: str = "mnq", feed_symbol: str = "MNQ.c.0", **fields: Any) -> Series:
        """A series with a subscription from `START` on."""
        stype = fields.pop("feed_stype", "continuous")
        fields = {
            "feed_symbol": feed_symbol,
            "feed_stype": stype,
            "feed_start": START.date(),
            "dataset": "GLBX.MDP3",
        } | fields
        defaults = {"symbol": f"CME_MINI:{slug.upper()}1!", "calendar": "CME Globex Equity"} | fields
        if slug == "mnq":
            Series.objects.filter(slug="mnq").update(**fields)
        else:
            Series.objects.create(slug=slug, vendor_symbols=[feed_symbol], **defaults)
        return Series.objects.get(slug=slug)

    def backfill(self, **options: Any) -> Ended:
        """Run the command in this process, as a script does."""
        out = io.StringIO()
        code, error = 0, ""
        try:
            call_command("backfill", json=True, stdout=out, stderr=io.StringIO(), **({"yes": True} | options))
        except CommandError as failure:
            code, error = failure.returncode, str(failure)
        return Ended(code, error, json.loads(out.getvalue()))

    def fill(self, **options: Any) -> Ended:
        """A backfill that must succeed."""
        ended = self.backfill(**options)
        assert (ended.code, ended.error) == (0, ""), ended.json
        return ended

    def list_posts(self) -> list[str]:
        """The endpoints of all requests that were sent with POST."""
        return [ask.endpoint for ask in self.server.asks if ask.method == "POST"]

    def fill_again(self, **options: Any) -> Ended:
        """A second backfill, which asks nothing of which the answer is known, and stores nothing."""
        before = len(self.list_posts())
        ended = self.fill(**options)
        assert self.list_posts()[before:] == []
        assert (ended.json["requests"], ended.json["plan"]["requests"]) == ([], 0)
        return ended

    def check_money(self) -> None:
        """Nothing was bought unpriced or twice, and the database has each charge."""
        assert self.server.unpriced() == []
        assert self.server.bought_twice() == []
        self.check_charges()

    def check_charges(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(sum(charged_usd), 0) FROM market_feed_requests")
            assert float(cursor.fetchone()[0]) == pytest.approx(self.server.spent, abs=1e-4)

    @property
    def end(self) -> datetime:
        """Where the vendor's history ends."""
        return datetime.fromtimestamp(self.server.available_end // NS, UTC)

    def truth(
        self, symbol: str = "MNQ.c.0", stype: str = "continuous", start: datetime = START, end: datetime | None = None
    ) -> np.ndarray:
        """The market's bars, as history has them now: ts, four prices in 1e-9, volume."""
        edges = [int(edge.timestamp()) * NS for edge in (start, end or self.end)]
        rows = self.server.market.bars([symbol], stype, *edges, as_of=self.server.now())
        names = ("ts_event", "open", "high", "low", "close", "volume")
        return np.stack([rows[name].astype(np.int64) for name in names], axis=1)

    def stored(self, series_symbol: str = "CME_MINI:MNQ1!") -> np.ndarray:
        """The table's bars in the same form."""
        rows = Bar.objects.filter(symbol=series_symbol).order_by("ts")
        values = rows.values_list("ts", "open", "high", "low", "close", "volume")
        return np.array(
            [
                [int(ts.timestamp()) * NS, *(int(price * NS) for price in prices), int(volume)]
                for ts, *prices, volume in values
            ],
            np.int64,
        ).reshape(-1, 6)

    def check_table(self, **which: Any) -> None:
        """The table has the market's bars, one by one."""
        np.testing.assert_array_equal(self.stored(), self.truth(**which))

    def delete_bars(self, start: datetime, end: datetime) -> int:
        """Bars that another program deletes."""
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM market_bars_ohlcv_1m WHERE ts >= %s AND ts < %s", [start, end])
            return cursor.rowcount


@pytest.fixture
def trial(market_db: object, historical: FakeHistorical, monkeypatch: pytest.MonkeyPatch) -> Trial:
    """The series mnq is subscribed from Monday, 4 March 2024, on; it is Saturday, 9 March, noon."""
    monkeypatch.setattr(retries, "FIRST_PAUSE_SECONDS", 0.01)
    one = Trial(historical)
    one.subscribe()
    return one


DAY = timedelta(days=1)
