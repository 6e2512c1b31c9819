"""What the API says where the calendar of a series is none."""

from __future__ import annotations

from rest_framework import status
from rest_framework.exceptions import APIException

from marketdata.calendars.exchange import UnknownCalendar, get_exchange
from marketdata.models import Series


class CalendarUnknown(APIException):
    """The series names a calendar that the library does not have (any more)."""

    status_code = status.HTTP_409_CONFLICT


def check_calendar(series: Series) -> None:
    """`CalendarUnknown` where nobody can say when the series trades."""
    try:
        if series.calendar:
            get_exchange(series.calendar)
    except UnknownCalendar as error:
        raise CalendarUnknown(f"{error} Correct it in the admin, at series {series.slug}.") from error
