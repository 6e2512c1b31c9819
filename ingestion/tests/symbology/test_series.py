"""Files create series, and continue only series of their dataset."""

import pytest
from django.core.management.base import CommandError

from config.testing.builders import at, bars, ingest, several
from ingestion.symbology.series import default_dataset_name, ensure_series
from marketdata.models import Bar, Series
from marketdata.series_calendars import describe_calendar


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


def test_a_created_series_has_the_calendar_of_its_product(market_db):
    created = ensure_series({"ESZ5": {}, "CLZ5": {}, "HPZ5": {}, "NQH2026-NQM2026": {}}, "GLBX.MDP3", {})
    assert {symbol: series.calendar for symbol, series in created.items()} == {
        "ESZ5": "CME Globex Equity",
        "CLZ5": "CMEGlobex_Energy",
        "HPZ5": "",
        "NQH2026-NQM2026": "CME Globex Equity",
    }


def test_an_existing_series_keeps_its_calendar_or_none(market_db):
    ensure_series({"ESZ5": {}, "ZCZ5": {}}, "GLBX.MDP3", {})
    Series.objects.filter(symbol="ESZ5").update(calendar="")
    Series.objects.filter(symbol="ZCZ5").update(calendar="NYSE")
    series = ensure_series({"ESZ5": {}, "ZCZ5": {}}, "GLBX.MDP3", {})
    assert [series["ESZ5"].calendar, series["ZCZ5"].calendar] == ["", "NYSE"]


def write_products(path, *symbols):
    return several(path, {symbol: bars(2, instrument_id=number) for number, symbol in enumerate(symbols, start=1)})


def test_the_summary_has_a_line_for_each_calendar_of_new_series(market_db, tmp_path):
    path = write_products(tmp_path / "a.dbn", "ESH4", "NQH4", "ESH4-ESM4", "ZCH4", "HPH4", "GCJ4-CLJ4")
    preview = ingest(path, dry_run=True).out
    summary = ingest(path).out
    lines = [
        "New series ESH2024, ESH2024-ESM2024, NQH2024: CME Globex Equity, because ES is an equity index product of "
        "CME.",
        "New series ZCH2024: CMEGlobex_Grains, because ZC is a grain or oilseed of CBOT.",
        "New series GCJ2024-CLJ2024: No calendar: GC is a metal of COMEX and CL is an energy product of NYMEX, which "
        "have different calendars; set one in the admin.",
        "New series HPH2024: No calendar: HP is in no table of products; set one in the admin.",
    ]
    for text in (preview, summary):
        assert [line for line in text.splitlines() if line.startswith("New series")] == lines
    assert "New series" not in ingest(path).out


def test_the_summary_lists_a_few_calendars(market_db, tmp_path):
    roots = ("ES", "ZC", "LE", "CL", "GC", "ZN", "6E")
    summary = ingest(write_products(tmp_path / "a.dbn", *(f"{root}J4" for root in roots))).out
    assert summary.count("New series ") == 5
    assert "\n2 more calendars of new series." in summary


def test_a_series_named_by_symbol_has_the_calendar_of_the_files_product(market_db, tmp_path):
    path = several(tmp_path / "a.dbn", {"ZCH4": bars(2, instrument_id=1)})
    summary = ingest(path, symbol="CORN").out
    assert "New series CORN: CMEGlobex_Grains, because ZC is a grain or oilseed of CBOT." in summary
    series = Series.objects.get(symbol="CORN")
    assert series.calendar == "CMEGlobex_Grains"
    assert describe_calendar(series) == "CMEGlobex_Grains, because ZC is a grain or oilseed of CBOT."
