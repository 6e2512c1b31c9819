"""Raw symbols in parts."""

import pytest

from marketdata.contracts.symbols import Kind, name_by_instrument, parse_raw_symbol, shorten_years

GLOBEX = "GLBX.MDP3"


@pytest.mark.parametrize(
    "text, kind, root, legs",
    [
        ("NQH5", Kind.OUTRIGHT, "NQ", [("NQ", 3, "5")]),
        ("6EU6", Kind.OUTRIGHT, "6E", [("6E", 9, "6")]),
        ("M2KZ24", Kind.OUTRIGHT, "M2K", [("M2K", 12, "24")]),
        ("GCQ6Z6", Kind.OUTRIGHT, "GCQ6", [("GCQ6", 12, "6")]),
        ("SR3U6-TBF3U6", Kind.SPREAD, "SR3", [("SR3", 9, "6"), ("TBF3", 9, "6")]),
        ("ESM4 P5800", Kind.OPTION, "ES", [("ES", 6, "4")]),
        ("NGF5 P3.50", Kind.OPTION, "NG", [("NG", 1, "5")]),
        ("SR3:DF Z7M8", Kind.SPREAD, "SR3", [("SR3", 12, "7"), ("SR3", 6, "8")]),
        ("WS:XS 02M CL-BZ M2", Kind.SPREAD, "WS", [("WS", 6, "2")]),
        ("CL:C1 HO-CL N22", Kind.SPREAD, "CL", [("CL", 7, "22")]),
    ],
)
def test_the_parts_of_a_raw_symbol(text, kind, root, legs):
    raw = parse_raw_symbol(text, GLOBEX)

    assert (raw.kind, raw.root, [(leg.root, leg.month, leg.digits) for leg in raw.legs]) == (kind, root, legs)
    assert raw.fill_in([int(leg.digits) for leg in raw.legs]) == text


@pytest.mark.parametrize(
    "text",
    [
        *("UD:1V: VT 2533938", "UD:ZN: TL 2685399", "AAPL", "NQ", "NQH", "NQH2025", "NQ.c.0", "NQ.FUT", "H5", ""),
        *("NQH5-", "-NQH5", "NQH5-AAPL", "NQH5 X", "NQH5 C", "SR3:BF", "SR3:BF HO-CL", "nqh5", "NQH5\n", "NQH5 "),
    ],
)
def test_a_text_without_a_readable_year_has_no_parts(text):
    assert parse_raw_symbol(text, GLOBEX) is None


@pytest.mark.parametrize("dataset", ["IFEU.IMPACT", "XEUR.EOBI", "XNAS.ITCH", "OPRA.PILLAR", ""])
def test_other_datasets_have_unique_symbols(dataset):
    assert parse_raw_symbol("NQH5", dataset) is None


def test_cboe_futures_write_a_slash():
    raw = parse_raw_symbol("VX/M6", "XCBF.PITCH")

    assert (raw.root, raw.fill_in([2026])) == ("VX", "VX/M2026")
    assert parse_raw_symbol("VXM6", "XCBF.PITCH") is None


@pytest.mark.parametrize(
    "symbol, short",
    [
        ("NQH2025", "NQH5"),
        ("NQH25", "NQH5"),
        ("NQH5", "NQH5"),
        ("NQH2025-NQM2025", "NQH5-NQM5"),
        ("CLZ2025-CLZ2029", "CLZ5-CLZ9"),
        ("SR3:DF Z2027M2028", "SR3:DF Z7M8"),
        ("ESH2025 C5000", "ESH5 C5000"),
        ("M2KZ2024", "M2KZ4"),
        (name_by_instrument("GEH5", 123), "GEH5"),
        ("AAPL", "AAPL"),
    ],
)
def test_names_of_one_code_have_one_short_form(symbol, short):
    assert shorten_years(symbol) == short
