"""API errors of series whose trading calendar does not exist."""

from __future__ import annotations

from rest_framework import status
from rest_framework.exceptions import APIException

from marketdata.calendars.exchange import UnknownCalendar, get_exchange
from marketdata.models import Series


class UnknownCalendarConflict(APIException):
    """409: the series names a calendar that pandas_market_calendars does not have, or no longer has."""

    status_code = status.HTTP_409_CONFLICT


def check_calendar(series: Series) -> None:
    """Raise `UnknownCalendarConflict` if the series names a calendar that does not exist."""
    try:
        if series.calendar:
            get_exchange(series.calendar)
    except UnknownCalendar as error:
        raise UnknownCalendarConflict(f"{error} Correct it in the admin, at series {series.slug}.") from error
