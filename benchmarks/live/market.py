"""What the table must have after live bars of two series: the bars of the invented market."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from config.testing.feeds.market import Market
from config.testing.feeds.times import DAY, MINUTE, to_day

SERIES = {"mnq": ("CME_MINI:MNQ1!", "MNQ.c.0"), "es": ("CME_MINI:ES1!", "ES.c.0")}
"""Slug: the symbol in the table, and the vendor's."""

Row = tuple[int, int, int, int, int]
"""Open, high, low, close (1e-9) and volume."""


@dataclass
class Differences:
    """Bars of the market that the table lacks, bars that only the table has, and bars with other values."""

    expected: int = 0
    lost: list[tuple[str, int]] = field(default_factory=list)
    surplus: list[tuple[str, int]] = field(default_factory=list)
    wrong: list[tuple[str, int]] = field(default_factory=list)


def add_series() -> None:
    """Let the scratch database have the two series, with live on."""
    from marketdata.models import Series

    for slug, (symbol, feed_symbol) in SERIES.items():
        fields = {"symbol": symbol, "dataset": "GLBX.MDP3", "calendar": "CME Globex Equity", "live": True}
        fields |= {"vendor_symbols": [feed_symbol], "feed_symbol": feed_symbol, "feed_stype": "continuous"}
        Series.objects.update_or_create(slug=slug, defaults=fields)


def load_earlier(market: Market, start: int, end: int, folder: Path) -> None:
    """Store the bars of [start, end) (ns), as files do, so that the first session has something to begin from."""
    from ingestion.dbn.writer import Header, write_dbn
    from ingestion.pipeline import ingest_file

    days = to_day(start), to_day(end + DAY)
    for slug, (_, feed_symbol) in SERIES.items():
        mapped = {feed_symbol: market.resolve(feed_symbol, "continuous", *days)}
        header = Header(symbols=(feed_symbol,), mappings=mapped, start=start, end=end)
        rows = market.bars([feed_symbol], "continuous", start, end)
        ingest_file(path=write_dbn(folder / f"{slug}.dbn", header, rows))


def compare(market: Market, start: int, end: int) -> Differences:
    """Compare the table with the market in [start, end) (ns)."""
    found = Differences()
    for symbol, feed_symbol in SERIES.values():
        expected = _read_market(market, feed_symbol, start, end)
        stored = _read_table(symbol, start, end)
        found.expected += len(expected)
        found.lost += [(symbol, at) for at in sorted(expected.keys() - stored.keys())]
        found.surplus += [(symbol, at) for at in sorted(stored.keys() - expected.keys())]
        both = expected.keys() & stored.keys()
        found.wrong += [(symbol, at) for at in sorted(both) if expected[at] != stored[at]]
    return found


def _read_market(market: Market, feed_symbol: str, start: int, end: int) -> dict[int, Row]:
    rows = market.bars([feed_symbol], "continuous", start, end)
    names = ("open", "high", "low", "close", "volume")
    return {int(row["ts_event"]): tuple(int(row[name]) for name in names) for row in rows}  # type: ignore[misc]  # five names


def _read_table(symbol: str, start: int, end: int) -> dict[int, Row]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ts_ms, (open * 1e9)::bigint, (high * 1e9)::bigint, (low * 1e9)::bigint, (close * 1e9)::bigint,"
            " volume::bigint FROM market_bars_ohlcv_1m WHERE symbol = %s AND ts_ms >= %s AND ts_ms < %s",
            [symbol, start // 1_000_000, end // 1_000_000],
        )
        return {ts_ms * 1_000_000: tuple(row) for ts_ms, *row in cursor}


def align(at: int) -> int:
    """The start of the minute, ns."""
    return at // MINUTE * MINUTE
