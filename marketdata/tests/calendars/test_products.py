"""Each product's calendar is one that the library has, and each proposal has a reason."""

import pytest

from marketdata.calendars.exchange import is_known_calendar
from marketdata.calendars.products import _EUREX_PRODUCTS, _GLOBEX_PRODUCTS, _GLOBEX_ROOTS, propose_calendar
from marketdata.contracts.roots import find_continuous_root, list_roots

GLOBEX = "GLBX.MDP3"


def find_calendar(symbol: str, dataset: str = GLOBEX) -> str:
    return propose_calendar(dataset=dataset, roots=list_roots(symbol, dataset)).calendar


def test_the_library_has_each_calendar():
    products = [*_GLOBEX_PRODUCTS.values(), *_EUREX_PRODUCTS.values()]
    proposed = [propose_calendar(dataset=name, roots=[]) for name in ("XNAS.ITCH", "OPRA.PILLAR", "XEUR.EOBI")]
    names = {one.calendar for one in (*products, *proposed)}
    assert len(names) == 13
    assert [name for name in names if not is_known_calendar(name)] == []


def test_no_product_is_listed_twice():
    roots = [root for _, _, line in _GLOBEX_ROOTS for root in line.split()]
    assert [root for root in roots if roots.count(root) > 1] == []


@pytest.mark.parametrize(
    ("calendar", "symbols"),
    [
        ("CME Globex Equity", "ESZ5 ESZ2025 MESH26 NQ.c.0 MNQ.v.1 RTY.n.0 M2KM6 YM.FUT MYMU5 EMDH6 NKDZ5 NIYH6 ES.OPT"),
        ("CMEGlobex_Grains", "ZCH6 ZC.c.0 ZWN5 ZSX2025 ZMZ5 ZLF6 ZOH6 ZRX5 KEH6 XCH6 XWH6 XKF6 OZCH6 ZC3N5"),
        ("CMEGlobex_Livestock", "LEG6 GFF6 HEM6 HE.c.0"),
        ("CMEGlobex_Energy", "CLZ5 MCLZ5 QMF6 HOF6 RBG6 BZH6 LOZ5 LO1Z5"),
        ("CMEGlobex_NatGas", "NGN25 QGH6 MNGH6 LNEZ5"),
        ("CMEGlobex_Metals", "GCZ5 MGCZ5 SIH6 SILH6 HGH6 MHGH6 PLF6 PAH6 QOG6 QIH6 QCH6 ALIG6 1OZG6 OGZ5"),
        (
            "CME Globex Fixed Income",
            "ZTH6 ZFH6 ZNH6 TNH6 ZBH6 UBH6 ZQF6 SR1F6 SR3H6 GEH5 Z3NH6 2YYF6 5YYF6 10YF6 30YF6",
        ),
        ("CME Globex Fixed Income", "MTNH6 MWNH6 OZNG6 ZN1G6"),
        ("CMEGlobex_FX", "6AH6 6BH6 6CH6 6EH6 6JH6 6LF6 6MH6 6NH6 6SH6 M6EH6 M6AH6 M6BH6 E7H6 J7H6 RPH6 EUUF6"),
        ("CME Globex Crypto", "BTCF6 MBTF6 ETHF6 METF6 SOLF6 XRPF6 BTC.c.0"),
        ("", "HPF6 DCF6 LBRH6 MWEH6 VXH6 ES ESZ ESTXZ5 CME_MINI:MNQ1! nq.c.0"),
    ],
)
def test_a_symbol_has_the_calendar_of_its_product(calendar, symbols):
    assert {symbol: find_calendar(symbol) for symbol in symbols.split()} == dict.fromkeys(symbols.split(), calendar)


@pytest.mark.parametrize(
    ("symbol", "calendar"),
    [
        ("NQH6-NQM6", "CME Globex Equity"),
        ("ESH2025-ESM2025", "CME Globex Equity"),
        ("ESU4-NQU4", "CME Globex Equity"),
        ("ZN:BF H6-M6-U6", "CME Globex Fixed Income"),
        ("ZN:BF H2026-M2026-U2026", "CME Globex Fixed Income"),
        ("ESZ5 C6000", "CME Globex Equity"),
        ("OZCH2026 P450", "CMEGlobex_Grains"),
        ("GEH5 #12345", "CME Globex Fixed Income"),
        ("GCZ5-CLZ5", ""),
        ("ESZ5-HPZ5", ""),
        ("UD:1V: VT 2533938", ""),
    ],
)
def test_spreads_and_options_have_the_calendar_of_their_products(symbol, calendar):
    assert find_calendar(symbol) == calendar


@pytest.mark.parametrize(
    ("symbol", "dataset", "calendar"),
    [
        ("AAPL", "XNAS.ITCH", "NYSE"),
        ("BRK.B", "EQUS.MINI", "NYSE"),
        ("SPY", "ARCX.PILLAR", "NYSE"),
        ("ES.c.0", "XNAS.ITCH", "NYSE"),
        ("SPY   260116C00600000", "OPRA.PILLAR", "CBOE_Equity_Options"),
        ("SPY.OPT", "OPRA.PILLAR", "CBOE_Equity_Options"),
        ("SPXW  260116C06000000", "OPRA.PILLAR", ""),
        ("FESX SI 20260320 CS", "XEUR.EOBI", "EUREX"),
        ("FGBL SI 20260306 PS", "XEUR.EOBI", "EUREX_Bond"),
        ("FGBM.c.0", "XEUR.EOBI", "EUREX_Bond"),
        ("FGBX.FUT", "XEUR.EOBI", "EUREX_Bond"),
        ("BRN FMF0026!", "IFEU.IMPACT", ""),
        ("ESZ5", "IFEU.IMPACT", ""),
        ("ESZ5", "", ""),
        ("VX/H6", "XCBF.PITCH", ""),
    ],
)
def test_other_datasets_have_one_calendar_or_none(symbol, dataset, calendar):
    assert find_calendar(symbol, dataset) == calendar


@pytest.mark.parametrize(
    ("roots", "dataset", "reason"),
    [
        (["ZC"], GLOBEX, "CMEGlobex_Grains, because ZC is a grain or oilseed of CBOT."),
        (["ES"], GLOBEX, "CME Globex Equity, because ES is an equity index product of CME."),
        (
            ["ES", "YM"],
            GLOBEX,
            "CME Globex Equity, because ES is an equity index product of CME and YM is an equity index product of "
            "CBOT.",
        ),
        (["HP"], GLOBEX, "No calendar: HP is in no table of products; set one in the admin."),
        (
            ["GC", "CL"],
            GLOBEX,
            "No calendar: GC is a metal of COMEX and CL is an energy product of NYMEX, which have different calendars; "
            "set one in the admin.",
        ),
        ([], GLOBEX, "No calendar: the symbol does not name its product; set one in the admin."),
        ([], "XNAS.ITCH", "NYSE, because XNAS.ITCH has US equities."),
        (["FGBL"], "XEUR.EOBI", "EUREX_Bond, because FGBL is a fixed income product of Eurex."),
        ([], "IFEU.IMPACT", "No calendar: IFEU.IMPACT is in no table of datasets; set one in the admin."),
        ([], "", "No calendar: the dataset is not known; set one in the admin."),
    ],
)
def test_the_reason_is_one_sentence(roots, dataset, reason):
    assert propose_calendar(dataset=dataset, roots=roots).reason == reason


def test_a_continuous_symbol_names_its_product():
    assert [find_continuous_root(symbol) for symbol in ("NQ.c.0", "BRK.B.v.12", "NQH5", ".c.0")] == [
        "NQ",
        "BRK.B",
        "",
        "",
    ]
