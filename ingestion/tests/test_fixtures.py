"""Real files from public repositories, if they are available, compared with Databento's own client."""

from datetime import UTC
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings

from config.testing.builders import ingest, refuse
from marketdata.contracts.symbols import shorten_years
from marketdata.models import Bar, IngestRun

FOLDER = Path(settings.BASE_DIR).parent / "shared" / "fixtures"
BARS = sorted(path for path in (FOLDER / "bars").glob("*.dbn*") if path.is_file())
REFUSED = sorted(path for path in (FOLDER / "refused").glob("*") if path.is_file())

if not (BARS and REFUSED):
    pytest.skip(f"no real DBN files in {FOLDER}", allow_module_level=True)

REASONS = {
    "definition.v3.dbn.zst": "contains definition, not ohlcv-1m",
    "mbp-1.v3.dbn.zst": "contains mbp-1, not ohlcv-1m",
    "no-header.multi-frame.zst": "is not a DBN file",
    "ohlcv-1d.v3.dbn.zst": "contains ohlcv-1d, not ohlcv-1m",
    "ohlcv-1m.legacy.dbz": "is a DBZ file, the format before DBN",
    "ohlcv-1s.v3.dbn.zst": "contains ohlcv-1s, not ohlcv-1m",
    "statistics.v3.dbn.zst": "contains statistics, not ohlcv-1m",
    "trades.v3.dbn.zst": "contains trades, not ohlcv-1m",
}


def read_with_official_client(path: Path) -> set[tuple]:
    """(symbol, time, exact prices, volume) of every row."""
    databento = pytest.importorskip("databento")
    store = databento.DBNStore.from_bytes(path.read_bytes())  # from_file() never closes the file
    frame = store.to_df(price_type="fixed", map_symbols=True)
    return {
        (
            row.symbol,
            row.Index.to_pydatetime().astimezone(UTC),
            *(Decimal(int(price)).scaleb(-9) for price in (row.open, row.high, row.low, row.close)),
            Decimal(int(row.volume)),
        )
        for row in frame.itertuples()
    }


@pytest.mark.parametrize("path", BARS, ids=lambda path: path.name)
def test_a_real_file_is_stored_as_the_official_client_reads_it(market_db, path):
    ingest(path)

    expected = read_with_official_client(path)
    rows = Bar.objects.values_list("symbol", "ts", "open", "high", "low", "close", "volume")
    assert {(shorten_years(symbol), *values) for symbol, *values in rows} == expected
    run = IngestRun.objects.get()
    assert (run.status, run.row_count) == ("success", Bar.objects.count())
    assert ingest(path, json=True).json  # loaded again, it has nothing new
    assert list(IngestRun.objects.order_by("pk").values_list("inserted_count", flat=True)) == [run.row_count, 0]


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.name)
def test_a_real_file_of_another_schema_or_format_is_refused(market_db, path):
    assert REASONS[path.name] in refuse(path)


def test_each_reason_has_a_real_file():
    assert {path.name for path in REFUSED} == set(REASONS)


def test_two_futures_in_one_file_are_two_series(market_db):
    ingest(FOLDER / "bars" / "esu4-nqu4.2024-07-01.dbn.zst")
    assert set(Bar.objects.values_list("symbol", flat=True)) == {"ESU2024", "NQU2024"}
    assert Bar.objects.filter(symbol="ESU2024", close__gt=10_000).count() == 0
    assert Bar.objects.filter(symbol="NQU2024", close__lt=10_000).count() == 0


def test_the_same_bars_in_every_version_change_nothing(market_db):
    ingest(*(path for path in BARS if path.name.startswith("esh1.v")))
    counts = IngestRun.objects.order_by("pk").values_list("status", "inserted_count", "updated_count", "changed_count")
    assert list(counts) == [("success", 2, 0, 0)] + [("success", 0, 2, 0)] * 3
