"""The contract of a series in one line: what it is, and until when it trades."""

from __future__ import annotations

import calendar
from datetime import date

from marketdata.command_line import manage
from marketdata.contracts.symbols import is_named_by_instrument
from marketdata.models import Series
from marketdata.series import is_active


def describe_contract(series: Series, today: date) -> str:
    """For example "NQ March 2025 · outright · expired 2025-03-21"; empty if nothing is known. `today` is in UTC."""
    parts = (_describe_name(series), _describe_kind(series), _describe_life(series, today))
    return " · ".join(filter(None, parts))


def _describe_name(series: Series) -> str:
    return series.root if series.kind == Series.Kind.SPREAD else " ".join(filter(None, (series.root, _month(series))))


def _describe_kind(series: Series) -> str:
    if series.kind == Series.Kind.OTHER:
        return ""
    month = _month(series)
    return f"spread, first leg {month}" if series.kind == Series.Kind.SPREAD and month else series.kind


def _month(series: Series) -> str:
    """The month of delivery and, if it is settled, the year."""
    if not series.contract_month:
        return ""
    month = calendar.month_name[series.contract_month]
    return f"{month} {series.contract_year}" if series.contract_year else month


def _describe_life(series: Series, today: date) -> str:
    if not series.is_settled:
        return _describe_open_year(series)
    if series.last_date is None:
        return ""
    active = is_active(series, today)
    if series.expiration_date:
        return f"{'active, expires' if active else 'expired'} {series.expiration_date}"
    return f"active until {series.last_date} at the latest" if active else f"expired by {series.last_date}"


def _describe_open_year(series: Series) -> str:
    """What settles the year: for a series of a raw symbol, which earlier versions loaded, a split."""
    if is_named_by_instrument(series.symbol):
        return "year not settled: put a definition file beside the data, or load later bars"
    return f"year not settled, perhaps several contracts: {manage()} split_contracts separates them"
