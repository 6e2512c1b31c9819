"""Links to runs and series, for sentences on pages."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from marketdata.models import Series
from marketdata.pages.presenters import Moment


def link_run(pk: int) -> SafeString:
    """run 7"""
    return format_html('<a href="{}">run {}</a>', reverse("run-page", args=[pk]), pk)


def link_session(pk: int) -> SafeString:
    """session 12, with the list of its runs"""
    query = urlencode({"session": pk})
    return format_html('<a href="{}?{}#runs-title">session {}</a>', reverse("home"), query, pk)


def link_bars(series: Series, start: datetime | None) -> SafeString:
    """The series and its page, which opens at `start` if there is one."""
    address = reverse("series-page", args=[series.slug])
    if start is None:
        return format_html('<a href="{}">{}</a>', address, series.symbol)
    first = Moment(start)
    query = urlencode({"from": first.iso})
    return format_html('<a href="{}?{}">{} from {} UTC</a>', address, query, series.symbol, first.minute)
