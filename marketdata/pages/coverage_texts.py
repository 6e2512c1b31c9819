"""Texts and choices of a series page's coverage and gaps. A calendar separates closed hours from missing minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.html import format_html

from marketdata.models import Series
from marketdata.pages.time_zones import has_extended_hours
from marketdata.series_calendars import describe_calendar

LONGEST, NEWEST = ("longest", "longest first"), ("newest", "newest first")
OPEN, CLOSED = ("open", "Missing while open"), ("closed", "Market closed")


@dataclass(frozen=True)
class CoverageTexts:
    """`kind`: the class of the heat map. `measure` and `gaps`: hints. `kinds` and `orders`: value and label of each
    choice, the selected one first."""

    kind: str
    measure: str
    gaps: str
    kinds: Sequence[tuple[str, str]]
    orders: Sequence[tuple[str, str]]


def describe_coverage(series: Series, *, is_staff: bool) -> CoverageTexts:
    """The texts of the series; for staff with a link that sets its calendar, if it has none."""
    if not series.calendar:
        return CoverageTexts("by-bars", "Bars by UTC day:", _describe_gaps(series, is_staff), (), (NEWEST, LONGEST))
    measure = f"Open minutes with a bar, by trading day of {series.calendar}:"
    gaps = (
        "Minutes without a bar, also before the first bar and after the last in the dates that the loaded files cover. "
        "Each has a verdict: no trade if history covers it, else why it is missing. Point at it for the evidence."
    )
    if has_extended_hours(series):
        gaps += " Extended hours count as closed: they may have bars, but none is missing there."
    return CoverageTexts("by-calendar", measure, gaps, (OPEN, CLOSED), (LONGEST, NEWEST))


def explain_calendar(series: Series, *, is_staff: bool) -> str:
    """Why the series has its calendar, or none; for staff with a link to change it."""
    text = describe_calendar(series)
    if not is_staff:
        return text
    action = "Change" if series.calendar else "Set"
    return format_html('{} <a href="{}">{} it in the admin</a>.', text, _find_form(series), action)


def _find_form(series: Series) -> str:
    return reverse("admin:marketdata_series_change", args=[series.pk])


def _describe_gaps(series: Series, is_staff: bool) -> str:
    text = (
        "Minutes without a bar, also before the first bar and after the last in the dates that the loaded files cover: "
        "the market was closed, nothing traded, or data is missing. A trading calendar separates closed hours from the "
        "rest"
    )
    if not is_staff:
        return f"{text}."
    return format_html('{}: <a href="{}">set a calendar</a>.', text, _find_form(series))
