"""Series found by slug."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import CommandError

from config.testing.contract_series import create_contract, create_nq_contracts
from marketdata.models import Series
from marketdata.series import SeveralContracts, UnknownSeries, find_series, find_symbol


@pytest.fixture
def mixed(market_db):
    """Series whose slugs an operator stored in upper case, two of them equal but for the case."""
    for slug in ("ES", "Gold", "GOLD"):
        Series.objects.create(slug=slug, symbol=f"symbol of {slug}")


@pytest.mark.parametrize(
    ("slug", "found"),
    [
        ("mnq", "mnq"),
        ("MNQ", "mnq"),
        ("ES", "ES"),
        ("es", "ES"),
        ("Gold", "Gold"),
        ("GOLD", "GOLD"),
        ("gold", None),
        ("nope", None),
        ("mn%", None),
        ("_nq", None),
    ],
)
def test_the_exact_slug_comes_before_the_only_one_in_another_case(mixed, slug, found):
    series = find_series(slug)
    assert (series and series.slug) == found


def test_a_symbol_is_found_by_a_slug_in_any_letter_case(mixed):
    assert find_symbol("es") == find_symbol("ES") == "symbol of ES"
    with pytest.raises(UnknownSeries, match=r"There is no series 'gold'\. Known: "):
        find_symbol("gold")


def test_a_form_refuses_a_slug_that_differs_from_another_in_case_only(mixed):
    with pytest.raises(ValidationError, match="Another series has this slug in another letter case"):
        Series(slug="MNQ", symbol="OTHER").full_clean()
    Series.objects.get(slug="Gold").full_clean()
    Series(slug="nq", symbol="OTHER").full_clean()


def test_the_symbol_of_a_short_code_is_that_of_its_only_contract(market_db):
    create_nq_contracts()
    assert find_symbol("NQM5") == "NQM2025"
    assert find_symbol("nqh15") == "NQH2015"
    with pytest.raises(SeveralContracts, match=r"^'NQH5' is a short code of 2 contracts: nqh2015, nqh2025\. Name one"):
        find_symbol("NQH5")
    with pytest.raises(UnknownSeries, match=r"^There is no series 'NQU5'\. Contracts of NQ: nqh2015, nqh2025, nqm2025"):
        find_symbol("NQU5")
    create_contract("NQH5")
    assert find_symbol("NQH5") == "NQH5"


def test_verify_candles_takes_a_short_code(market_db, capsys):
    create_nq_contracts()
    call_command("verify_candles", series="NQM5")
    assert capsys.readouterr().out == "NQM2025: 1 hour agrees with 1 bar.\n"
    with pytest.raises(CommandError, match="nqh2015, nqh2025"):
        call_command("verify_candles", series="NQH5")
