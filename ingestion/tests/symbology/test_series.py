"""Files create series, and continue only series of their dataset."""

import pytest
from django.core.management.base import CommandError

from config.testing.builders import at, bars, ingest, several
from ingestion.symbology.series import default_dataset_name, ensure_series, find_calendar
from marketdata.models import Bar, Series


def test_a_dataset_is_named_after_the_only_series_or_the_vendors_dataset(market_db):
    assert default_dataset_name(["CME_MINI:MNQ1!"], "GLBX.MDP3", "ohlcv-1m") == "mnq_ohlcv_1m"
    assert default_dataset_name(["CME_MINI:MNQ1!", "A"], "GLBX.MDP3", "ohlcv-1m") == "glbx_mdp3_ohlcv_1m"
    assert default_dataset_name(["NEW"], "GLBX.MDP3", "ohlcv-1m") == "glbx_mdp3_ohlcv_1m"


def test_similar_symbols_have_different_slugs(market_db, tmp_path):
    ingest(several(tmp_path / "x.dbn", {"NQ A": bars(2, instrument_id=1), "NQ  A": bars(2, instrument_id=2)}))
    slugs = set(Series.objects.exclude(slug="mnq").values_list("slug", flat=True))
    assert len(slugs) == 2
    assert "nq-a" in slugs


def write_file(path, dataset, first):
    """NVDA and AAPL of a dataset, from minute `first` after the builders' midnight on."""
    parts = {"NVDA": bars(3, first=first, instrument_id=9), "AAPL": bars(3, first=first, instrument_id=10)}
    return several(path, parts, dataset=dataset)


def test_an_equal_symbol_of_another_dataset_does_not_continue_a_series(market_db, tmp_path):
    ingest(write_file(tmp_path / "a.dbn", "XNAS.ITCH", 0))
    later = write_file(tmp_path / "b.dbn", "DBEQ.BASIC", 5 * 1440)
    with pytest.raises(CommandError, match=r"of DBEQ\.BASIC, but the series \w+ is of XNAS\.ITCH"):
        ingest(later)
    assert Bar.objects.filter(ts_ms__gte=at(1440) // 10**6).count() == 0

    Series.objects.filter(dataset="XNAS.ITCH").update(dataset="")
    ingest(later)
    assert Bar.objects.count() == 12


@pytest.mark.parametrize(
    ("symbol", "dataset", "calendar"),
    [
        ("AAPL", "XNAS.ITCH", "NYSE"),
        ("BRK.B", "EQUS.MINI", "NYSE"),
        ("SPY", "ARCX.PILLAR", "NYSE"),
        ("ESZ2025", "GLBX.MDP3", "CME Globex Equity"),
        ("ESZ5", "GLBX.MDP3", "CME Globex Equity"),
        ("MNQ.c.0", "GLBX.MDP3", "CME Globex Equity"),
        ("RTYH26", "GLBX.MDP3", "CME Globex Equity"),
        ("M2K.v.1", "GLBX.MDP3", "CME Globex Equity"),
        ("ESZ5-ESH6", "GLBX.MDP3", ""),  # a spread, an option, other products: other hours, or unknown ones
        ("ESZ5 C6000", "GLBX.MDP3", ""),
        ("CLZ5", "GLBX.MDP3", ""),
        ("ESTX5", "GLBX.MDP3", ""),
        ("ESZ5", "IFEU.IMPACT", ""),
        ("SPY   260116C00600000", "OPRA.PILLAR", ""),
        ("ESZ5", "", ""),
    ],
)
def test_a_calendar_is_found_only_if_there_is_no_other(symbol, dataset, calendar):
    assert find_calendar(symbol, dataset) == calendar


def test_a_created_series_has_its_calendar(market_db):
    created = ensure_series({"ESZ5": {}, "CLZ5": {}}, "GLBX.MDP3")
    assert {symbol: series.calendar for symbol, series in created.items()} == {
        "ESZ5": "CME Globex Equity",
        "CLZ5": "",
    }
