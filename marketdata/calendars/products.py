"""Which trading calendar a product has, and why. No Django.

The sources are CME Group's contract specifications ("Trading Hours"), Eurex's and Cboe's trading hours, and the product
lists in the calendars of pandas_market_calendars. A product whose hours no calendar has is in no table: dairy, lumber,
weather, Minneapolis wheat, transactions at the index close (BTIC), VIX futures.

What is not exact: rough rice (ZR) is closed from 21:00 to 08:30, and the mini-sized grains (XC, XK, XW) close at 13:45.
Their trading dates are those of the other grains. Eurex's calendars have the hours from 08:00 on: earlier bars are
outside the session.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from marketdata.contracts.datasets import is_us_equities
from marketdata.contracts.symbols import GLOBEX

OPTIONS_OF_SHARES, EUREX = "OPRA.PILLAR", "XEUR.EOBI"


@dataclass(frozen=True)
class Product:
    """A product, the words for its group, its exchange, and its calendar."""

    root: str
    group: str
    exchange: str
    calendar: str

    def __str__(self) -> str:
        return f"{self.root} is {self.group} of {self.exchange}"


@dataclass(frozen=True)
class CalendarProposal:
    """The calendar that a series should have, empty for none, and the cause: "ZC is a grain or oilseed of CBOT"."""

    calendar: str
    cause: str

    @property
    def reason(self) -> str:
        """The sentence for the user."""
        if not self.calendar:
            return f"No calendar: {self.cause}; set one in the admin."
        return f"{self.calendar}, because {self.cause}."


def _number(*roots: str, last: int = 5) -> str:
    """The codes of weekly options: LO1 to LO5."""
    return " ".join(f"{root}{week}" for root in roots for week in range(1, last + 1))


def _number_days(*roots: str) -> str:
    """The codes of weekly options that expire from Monday to Thursday: E1A to E5D."""
    return " ".join(f"{root}{week}{day}" for root in roots for week in range(1, 6) for day in "ABCD")


_EQUITY = "CME Globex Equity", "an equity index product"
_GRAINS = "CMEGlobex_Grains", "a grain or oilseed"
_LIVESTOCK = "CMEGlobex_Livestock", "a livestock product"
_ENERGY = "CMEGlobex_Energy", "an energy product"
_GAS = "CMEGlobex_NatGas", "a natural gas product"
_METALS = "CMEGlobex_Metals", "a metal"
_RATES = "CME Globex Fixed Income", "an interest rate product"
_FX = "CMEGlobex_FX", "a currency product"
_CRYPTO = "CME Globex Crypto", "a cryptocurrency product"

# Calendar and group, exchange, roots. Options have the hours of their futures; those with another root are listed too.
_GLOBEX_ROOTS = (
    (_EQUITY, "CME", "ES MES NQ MNQ RTY M2K EMD SMC RS1 RSG RSV NKD NIY ENY MNK MNI TPY TPD ESG QSPX QNDX QRTY"),
    (_EQUITY, "CME", "XAB XAE XAF XAI XAK XAP XAR XAU XAV XAY XAZ"),
    (_EQUITY, "CME", f"EW EX QNE MQE {_number('EW', 'EX', 'QN', 'MQ')} {_number_days('E', 'X', 'Q', 'D')}"),
    (_EQUITY, "CBOT", "YM MYM QDOW"),
    (_GRAINS, "CBOT", "ZC ZW ZS ZM ZL ZO ZR KE XC XW XK MZC MZW MZS MZM MZL"),
    (_GRAINS, "CBOT", f"OZC OZW OZS OZM OZL OZO OZR OKE {_number('ZC', 'ZW', 'ZS', 'ZM', 'ZL')}"),
    (_LIVESTOCK, "CME", "LE GF HE PRK"),
    (_ENERGY, "NYMEX", "CL MCL QM HCL BZ HO QH RB QU"),
    (_ENERGY, "NYMEX", f"LO MCO OH OB BZO {_number('LO', 'ML', 'WL')}"),
    (_GAS, "NYMEX", f"NG QG MNG HH NN TTF ON LNE {_number('LN')}"),
    (_METALS, "COMEX", "GC MGC QO 1OZ SI SIL QI HG MHG QC ALI HRC BUS"),
    (_METALS, "COMEX", f"OG OMG SO HX HXE {_number('OG', 'SO')}"),
    (_METALS, "NYMEX", "PL PA TIO PO PAO"),
    (_RATES, "CBOT", "ZT Z3N ZF ZN TN ZB UB TWE ZQ 2YY 5YY 10Y 30Y MTN MWN T1U F1U N1U B1U"),
    (_RATES, "CBOT", f"OZT OZF OZN OTN OZB OUB {_number('ZT', 'ZF', 'ZN', 'TN', 'ZB', 'UB', 'VY', 'WY')}"),
    (_RATES, "CME", "GE GE0 GE2 GE3 GE4 GE5 SR1 SR3 S0 S2 S3 S4 S5"),
    (_FX, "CME", "6A 6B 6C 6E 6J 6L 6M 6N 6R 6S 6Z E7 J7 M6A M6B M6E MCD MSF MJY MIR SIR"),
    (_FX, "CME", "RP RY RF ACD AJY ANE CJY EAD ECD PJY PSF SJY CNH MNH RMB KRW PLN CZK HUF ILS SEK NOK"),
    (_FX, "CME", "EUU GBU JPU ADU CAU CHU"),
    (_CRYPTO, "CME", "BTC MBT ETH MET SOL MSL XRP MXP BFF BTE ETE QBTC QETH QSOL QXRP"),
)
_GLOBEX_PRODUCTS = {
    root: Product(root, group, exchange, calendar)
    for (calendar, group), exchange, roots in _GLOBEX_ROOTS
    for root in roots.split()
}
_EUREX_BONDS = ("FGBL", "FGBM", "FGBS", "FGBX", "FBTP", "FBTS", "FOAT", "FBON")
_EUREX_PRODUCTS = {root: Product(root, "a fixed income product", "Eurex", "EUREX_Bond") for root in _EUREX_BONDS}
# They also trade at night, and until 15:15 Chicago time.
_INDEX_OPTIONS = {*("SPX", "SPXW", "XSP", "VIX", "VIXW", "RUT", "RUTW", "MRUT", "NDX", "NDXP", "XND", "DJX", "OEX")}


def propose_calendar(*, dataset: str, roots: Sequence[str]) -> CalendarProposal:
    """The calendar of a series of the vendor's dataset. `roots` are its products: a spread may have several."""
    if is_us_equities(dataset):
        return CalendarProposal("NYSE", f"{dataset} has US equities")
    if dataset == OPTIONS_OF_SHARES:
        return _propose_for_options(roots)
    if dataset == EUREX:
        found = [_EUREX_PRODUCTS[root] for root in roots if root in _EUREX_PRODUCTS]
        return CalendarProposal(found[0].calendar, str(found[0])) if found else _EUREX_PROPOSAL
    if dataset == GLOBEX:
        return _propose_for_globex(roots)
    return CalendarProposal("", f"{dataset} is in no table of datasets" if dataset else "the dataset is not known")


_EUREX_PROPOSAL = CalendarProposal("EUREX", f"{EUREX} has products of Eurex")


def _propose_for_options(roots: Sequence[str]) -> CalendarProposal:
    for root in roots:
        if root in _INDEX_OPTIONS:
            return CalendarProposal("", f"options on an index such as {root} trade longer than those on shares")
    return CalendarProposal("CBOE_Equity_Options", f"{OPTIONS_OF_SHARES} has options on US equities")


def _propose_for_globex(roots: Sequence[str]) -> CalendarProposal:
    if not roots:
        return CalendarProposal("", "the symbol does not name its product")
    for root in roots:
        if root not in _GLOBEX_PRODUCTS:
            return CalendarProposal("", f"{root} is in no table of products")
    products = [_GLOBEX_PRODUCTS[root] for root in roots]
    cause = " and ".join(map(str, products))
    if len({product.calendar for product in products}) > 1:
        return CalendarProposal("", f"{cause}, which have different calendars")
    return CalendarProposal(products[0].calendar, cause)
