"""Slugs of symbols, and short codes."""

import pytest

from marketdata.contracts.slugs import find_product, find_symbol_start, is_short_code, propose_slug


@pytest.mark.parametrize(
    ("symbol", "slug"),
    [("ES.c.0", "es-c-0"), ("CME_MINI:ES1!", "cme-mini-es1"), ("NQ  A-B", "nq-a-b"), ("GEH5 #12345", "geh5-12345")],
)
def test_a_slug_is_the_symbol_in_characters_of_a_url(symbol, slug):
    assert propose_slug(symbol) == slug


def test_a_symbol_without_letters_has_a_slug_too():
    assert propose_slug("!") != propose_slug("!!")


CODES = [
    ("NQH5", "NQH2025"),
    ("nqh5", "NQH2015"),
    ("Nqh25", "NQH2025"),
    ("nqh2025", "NQH2025"),
    ("NQH5-NQM5", "NQH2025-NQM2025"),
    ("clz25-clz9", "CLZ2025-CLZ2029"),
    ("CLZ5-CLZ29", "CLZ2025-CLZ2029"),
    ("CLZ30", "CLZ2030"),
    ("ESH5-C5000", "ESH2025 C5000"),
    ("sr3-bf-z6-h7-m7", "SR3:BF Z2026-H2027-M2027"),
    ("vx-m6", "VX/M2026"),
    ("GEH5", "GEH5 #12345"),
    ("m6eh5", "M6EH2025"),
    ("6eu6", "6EU2026"),
    ("fmh25", "FMH0025!"),
    ("nqh5", "nqh2025"),
    ("cme-mini-mnq1", "CME_MINI:MNQ1!"),
]
OTHERS = [
    ("nqh15", "NQH2025"),
    ("nqh2015", "NQH2025"),
    ("nqm5", "NQH2025"),
    ("nqh5", "MNQH2025"),
    ("mnqh5", "NQH2025"),
    ("nqh5", "NQH2025-NQM2025"),
    ("nqh5-nqm5", "NQH2025"),
    ("nqh25-nqm25", "NQH2025-NQM2035"),
    ("esh5-c50", "ESH2025 C5000"),
    ("esh5-c5000", "ESH2025 P5000"),
    ("geh25", "GEH5 #12345"),
    ("geh5-12345", "GEH2025"),
    ("nq", "NQH2025"),
    ("nqh", "NQH2025"),
    ("nqh52", "NQH2025"),
    ("nqh02025", "NQH2025"),
    ("nq_h5", "NQH2025"),
    ("-nqh5", "NQH2025"),
    ("nqh5-", "NQH2025"),
    ("e\u017fh5", "ESH2025"),  # in upper case, this letter is an S
    ("nqh\u0665", "NQH2025"),  # a digit of another script
]


@pytest.mark.parametrize(("text", "symbol"), CODES)
def test_the_short_codes_of_a_symbol(text, symbol):
    assert is_short_code(text, symbol)
    assert symbol.upper().startswith(find_symbol_start(text))


@pytest.mark.parametrize(("text", "symbol"), OTHERS)
def test_other_texts_are_no_code_of_the_symbol(text, symbol):
    assert not is_short_code(text, symbol)


@pytest.mark.parametrize(
    ("text", "product"),
    [
        ("nqh5", "NQ"),
        ("NQH2025", "NQ"),
        ("nqh5-nqm5", "NQ"),
        ("6eu6", "6E"),
        ("zqz5", "ZQ"),
        ("esh5-c5000", "ES"),
        ("vx-m6", "VX"),
        ("sr3-bf-z6-h7-m7", "SR3"),
        ("nope", ""),
        ("", ""),
        ("-", ""),
    ],
)
def test_the_product_in_a_short_code(text, product):
    assert find_product(text) == product
