"""A file belongs to the series that --symbol, its metadata or the default series gives."""

from datetime import date

import pytest
from django.core.management import CommandError

from config.testing.builders import FRONT, bars, exact, ingest, refuse, stored, write
from ingestion.errors import InputError
from ingestion.symbology.assign import check_symbol
from marketdata.models import Bar, Series
from marketdata.models.series import SYMBOL_MAX_LENGTH

JANUARY, FEBRUARY = date(2024, 1, 1), date(2024, 2, 1)


def symbols() -> set[str]:
    return set(Bar.objects.values_list("symbol", flat=True))


def single(path, symbol: str, **changes):
    stype = "continuous" if "." in symbol else "raw_symbol"
    mappings = {symbol: [(JANUARY, FEBRUARY, FRONT)]}
    return write(path, bars(2), symbols=(symbol,), mappings=mappings, stype_in=stype, **changes)


@pytest.mark.parametrize("symbol", ["MNQ.c.0", "MNQ.v.0", "MNQ.n.0", "MNQZ4", "MNQU24"])
def test_the_front_and_single_contracts_of_mnq_are_claimed(market_db, tmp_path, symbol):
    printed = ingest(single(tmp_path / "mnq.dbn.zst", symbol))
    assert symbols() == {"CME_MINI:MNQ1!"}
    assert "No series claims" not in printed.out


@pytest.mark.parametrize(
    "symbol, stored_as",
    [
        *((name, name) for name in ("MNQ.c.1", "MNQ.v.1", "ES.c.0", "MNQ", "MNQA4")),
        ("MNQZ4-MNQH5", "MNQZ2024-MNQH2025"),
        ("MNQZ4 C18000", "MNQZ2024 C18000"),
        ("NQZ4", "NQZ2024"),
    ],
)
def test_every_other_symbol_is_stored_and_the_summary_explains_how_to_claim_it(market_db, tmp_path, symbol, stored_as):
    printed = ingest(single(tmp_path / "x.dbn.zst", symbol))
    assert symbols() == {stored_as}
    where = "its own symbol" if symbol == stored_as else stored_as
    assert f"No series claims {symbol}: stored under {where}. To store" in printed.out
    again = ingest(single(tmp_path / "x.dbn.zst", symbol))  # now it has a series
    assert "No series claims" not in again.out


def test_mnq_of_another_dataset_is_not_claimed(market_db, tmp_path):
    ingest(single(tmp_path / "x.dbn.zst", "MNQ.c.0", dataset="XNAS.ITCH"))
    assert symbols() == {"MNQ.c.0"}


def test_two_series_that_claim_one_symbol_are_refused(market_db, tmp_path):
    Series.objects.create(slug="es", symbol="ES1!", vendor_symbols=["ES.c.*"])
    Series.objects.create(slug="es-2", symbol="ES2!", vendor_symbols=["ES.?.0"])
    path = single(tmp_path / "es.dbn.zst", "ES.c.0")
    assert "ES.c.0 is claimed by ES1!, ES2!" in refuse(path)

    Series.objects.create(slug="es-3", symbol="ES3!", vendor_symbols=["ES.c.0"])  # a name precedes patterns
    ingest(path)
    assert "ES3!" in symbols()


def test_symbol_takes_precedence_over_every_rule(market_db, tmp_path):
    ingest(single(tmp_path / "mnq.dbn.zst", "MNQ.c.0"), symbol="MY  OWN!")
    assert symbols() == {"MY  OWN!"}


def test_without_mappings_the_only_symbol_is_used(market_db, tmp_path):
    ingest(write(tmp_path / "es.dbn.zst", bars(2), symbols=("ES.c.0",), mappings=None))
    ingest(write(tmp_path / "mnq.dbn.zst", bars(2), mappings=None))
    assert symbols() == {"ES.c.0", "CME_MINI:MNQ1!"}


def test_a_file_without_symbols_is_stored_under_the_default_series(market_db, tmp_path):
    printed = ingest(write(tmp_path / "x.dbn.zst", bars(2), symbols=(), mappings=None))
    assert symbols() == {"CME_MINI:MNQ1!"}
    assert "names no symbol: stored under the default series CME_MINI:MNQ1!" in printed.out


UNNAMED = {
    "symbols": (),
    "mappings": None,
    "stype_in": None,
    "start": 0,
    "end": None,
}  # a live capture, split by schema


@pytest.mark.parametrize("default_series", ["mnq", "gone"])
def test_a_file_that_names_nothing_needs_a_symbol(market_db, tmp_path, settings, default_series):
    settings.DEFAULT_SERIES = default_series
    path = write(tmp_path / "es.ohlcv-1m.dbn", bars(2, base=4_700), **UNNAMED)
    assert "so the series of its rows is unknown: give --symbol." in refuse(path)
    ingest(path, symbol="ES1!")
    assert stored("ES1!") == exact(bars(2, base=4_700))


def test_a_file_without_a_dataset_needs_a_symbol(market_db, tmp_path):
    path = single(tmp_path / "x.dbn", "ESH4", dataset="")
    assert "states no dataset, so its instruments and series are unknown: give --symbol." in refuse(path)
    ingest(path, symbol="ESH4")
    assert stored("ESH4") == exact(bars(2))


def test_without_a_default_series_a_file_without_symbols_is_refused(market_db, tmp_path, settings):
    settings.DEFAULT_SERIES = "gone"
    assert 'the default series "gone" does not exist' in refuse(
        write(tmp_path / "x.dbn", bars(2), symbols=(), mappings={})
    )


def test_a_collective_request_without_symbols_is_refused(market_db, tmp_path):
    path = write(tmp_path / "x.dbn", bars(2), symbols=(), mappings=None, stype_in="parent")
    assert "lists no symbol but maps no instrument to a symbol" in refuse(path)


@pytest.mark.parametrize(
    "names, stype", [(("MNQ.FUT",), "parent"), (("ALL_SYMBOLS",), "raw_symbol"), (("A", "B"), "raw_symbol")]
)
def test_many_instruments_without_mappings_are_refused(market_db, tmp_path, names, stype):
    path = write(tmp_path / "x.dbn", bars(2), symbols=names, mappings=None, stype_in=stype)
    assert f"lists {', '.join(names)} but maps no instrument to a symbol" in refuse(path)


def test_one_of_several_requested_contracts_is_not_claimed_if_only_it_is_mapped(market_db, tmp_path):
    mapped = {"MNQM5": [(date(2024, 1, 1), date(2024, 2, 1), 5)]}
    for name, changes in (
        ("two", {"symbols": ("MNQH5", "MNQM5"), "stype_in": "raw_symbol"}),
        ("parent", {"symbols": ("MNQ.FUT",), "stype_in": "parent"}),
    ):
        ingest(write(tmp_path / f"{name}.dbn", bars(3, instrument_id=5), mappings=mapped, **changes))
    assert stored() == {}
    assert stored("MNQM2025") == exact(bars(3, instrument_id=5))


def test_a_symbol_mapped_to_two_instruments_on_one_day_is_refused(market_db, tmp_path):
    mapped = {"ZZ.FUT": [(date(2024, 1, 1), date(2024, 1, 9), 1), (date(2024, 1, 8), date(2024, 2, 1), 2)]}
    with pytest.raises(CommandError, match=r"maps ZZ\.FUT to instruments 1 and 2 on 2024-01-08"):
        ingest(write(tmp_path / "zz.dbn", bars(3, instrument_id=1), mappings=mapped))


def test_a_slug_is_not_accepted_as_a_symbol(market_db, tmp_path):
    with pytest.raises(CommandError, match="is the slug of CME_MINI:MNQ1!"):
        ingest(write(tmp_path / "mnq.dbn", bars(3)), symbol="mnq")


def test_a_symbol_has_a_greatest_length():
    check_symbol("M" * SYMBOL_MAX_LENGTH)
    with pytest.raises(InputError, match="has 129 characters: at most 128 can be stored"):
        check_symbol("M" * (SYMBOL_MAX_LENGTH + 1))
