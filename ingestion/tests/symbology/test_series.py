"""Series that files create, and those that they may continue."""

import pytest
from django.core.management.base import CommandError

from config.testing.builders import at, bars, ingest, several
from ingestion.symbology.series import certain_calendar, ensure_series, propose_slug
from marketdata.models import Bar, Series


@pytest.mark.parametrize(
    ("symbol", "slug"), [("ES.c.0", "es-c-0"), ("CME_MINI:ES1!", "cme-mini-es1"), ("NQ  A-B", "nq-a-b")]
)
def test_slugs_say_the_symbol_as_an_address_can(symbol, slug):
    assert propose_slug(symbol) == slug


def test_a_symbol_without_letters_has_a_slug_too():
    assert propose_slug("!") != propose_slug("!!")


def test_symbols_that_look_alike_get_addresses_of_their_own(market_db, tmp_path):
    ingest(several(tmp_path / "x.dbn", {"NQ A": bars(2, instrument_id=1), "NQ  A": bars(2, instrument_id=2)}))
    slugs = set(Series.objects.exclude(slug="mnq").values_list("slug", flat=True))
    assert len(slugs) == 2
    assert "nq-a" in slugs


def _of(path, dataset, first):
    """NVDA and AAPL of a dataset, from a minute of January 2024 on."""
    parts = {"NVDA": bars(3, first=first, instrument_id=9), "AAPL": bars(3, first=first, instrument_id=10)}
    return several(path, parts, dataset=dataset)


def test_a_series_is_not_continued_from_another_dataset_because_of_its_name(market_db, tmp_path):
    ingest(_of(tmp_path / "a.dbn", "XNAS.ITCH", 0))
    later = _of(tmp_path / "b.dbn", "DBEQ.BASIC", 5 * 1440)
    with pytest.raises(CommandError, match=r"of DBEQ\.BASIC, where the series \w+ is of XNAS\.ITCH"):
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
        ("ESZ5", "GLBX.MDP3", "CME Globex Equity"),
        ("MNQ.c.0", "GLBX.MDP3", "CME Globex Equity"),
        ("RTYH26", "GLBX.MDP3", "CME Globex Equity"),
        ("M2K.v.1", "GLBX.MDP3", "CME Globex Equity"),
        ("ESZ5-ESH6", "GLBX.MDP3", ""),  # a spread, an option, other products: other hours, or nobody knows
        ("ESZ5 C6000", "GLBX.MDP3", ""),
        ("CLZ5", "GLBX.MDP3", ""),
        ("ESTX5", "GLBX.MDP3", ""),
        ("ESZ5", "IFEU.IMPACT", ""),
        ("SPY   260116C00600000", "OPRA.PILLAR", ""),
        ("ESZ5", "", ""),
    ],
)
def test_a_calendar_is_given_where_it_is_certain(symbol, dataset, calendar):
    assert certain_calendar(symbol, dataset) == calendar


def test_a_created_series_has_it(market_db):
    created = ensure_series(["ESZ5", "CLZ5"], "GLBX.MDP3")
    assert {symbol: series.calendar for symbol, series in created.items()} == {
        "ESZ5": "CME Globex Equity",
        "CLZ5": "",
    }
