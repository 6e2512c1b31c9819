"""API errors beyond those of REST framework: an unknown trading calendar, the short code of a contract, a database that
does not respond, a commit that takes long, and a lake that cannot be read."""

from __future__ import annotations

import logging
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.views import exception_handler

from config.connections.monitor import monitor
from marketdata.api.contracts import ShortCode, respond_to_short_code
from marketdata.calendars.exchange import UnknownCalendar, get_exchange
from marketdata.calendars.hours import Hours
from marketdata.models import Series
from marketdata.runs.commits import CommitInProgress
from marketdata.sources.errors import ArchivedBarsUnreadable

logger = logging.getLogger(__name__)


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


def check_session(series: Series, hours: Hours) -> None:
    """Raise `ValidationError` (400) for regular hours of a series without a calendar, and `UnknownCalendarConflict` if
    its calendar does not exist."""
    if hours is Hours.REGULAR:
        if not series.calendar:
            message = "has no trading calendar, so its regular hours are unknown: set a calendar in the admin."
            raise ValidationError({"session": [f"Series {series.slug} {message}"]})
        check_calendar(series)


class DatabaseUnavailable(APIException):
    """503: the database does not respond, or ended the statement or the connection. The client may try again."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The database does not respond: try again later."
    wait = 10  # seconds, for the header Retry-After


class CommitTakesLong(APIException):
    """503: a commit in progress could change the bars as of the requested time."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    wait = 2


class LakeUnreadable(APIException):
    """503: the lake that has the bars of an archived year cannot be read."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    wait = 10


def handle_error(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """REST framework's exception handler, redirects, and 503 for a database or a lake that does not respond."""
    if isinstance(error, ShortCode):
        return respond_to_short_code(error, context)
    if isinstance(error, CommitInProgress):
        error = CommitTakesLong(str(error))
    if isinstance(error, ArchivedBarsUnreadable):
        error = LakeUnreadable(str(error))
    if isinstance(error, (InterfaceError, OperationalError)):
        logger.error("The database did not respond to a request of the API: %s", error)
        monitor.suspect()
        error = DatabaseUnavailable()
    return exception_handler(error, context)
