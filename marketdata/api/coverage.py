"""Coverage over REST: bars per day, gaps, and bars while the exchange was closed."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from marketdata.api.errors import check_calendar, check_session
from marketdata.api.params import SessionParameters
from marketdata.api.responses.coverage import CoverageSerializer, serialize_coverage
from marketdata.api.responses.errors import describe_responses
from marketdata.api.responses.examples import COVERAGE_EXAMPLE
from marketdata.api.series import get_series
from marketdata.coverage.report import read_coverage


class CoverageViewSet(ViewSet):
    """Bars per day of a series, and its gaps."""

    @extend_schema(
        summary="Get bars per day, and gaps",
        parameters=[SessionParameters],
        responses=describe_responses(
            CoverageSerializer,
            300,
            404,
            409,
            example=OpenApiExample("A day with half an hour missing", COVERAGE_EXAMPLE),
        ),
    )
    def coverage(self, request: Request, slug: str) -> Response:
        """The number of bars per day, and the ranges of missing minutes. The default is the last year of `life`, up to
        now.

        `life` lists the ranges of time in which minutes without a bar are missing, as far as they overlap
        [start, end). A continuous series or a share lives while the loaded files map it, and from its first to its last
        bar; the dates that a file requests and does not map are not part of it. A future, a spread or an option lives
        from its activation to its expiration within the dates that the loaded files map. Where these are unknown, it
        lives from its first bar, and to the end of those dates or, once its last month is over, to its last bar.
        Everything outside the life is outside the data: it is not missing.

        `days_are` names the kind of day: trading days of the series' calendar, or UTC days without a calendar. A day
        that overlaps [start, end) is complete. Days on which the exchange was closed are omitted; open days without a
        bar are not. `outside_data_days` of the days are outside the life (`outside_data`); they begin 366 days before
        it. `start` and `end` bound the bars of a day. `ts` is the timestamp of its 1d candle: later than `start` if a
        weekend precedes the day.

        `open_bars` counts those of a day's `bars` that lie within regular hours, `extended_bars` those in the extended
        hours before and after them. Compare it with `expected_by_now`. For
        a past day that is `expected`, all open minutes of the day within the life; while the day is `forming`, only
        those until now. A series without a calendar counts as always open. For it, compare `bars` with `usual_bars`,
        the median of the days in the upper half by bar count. `usual_bars` is null with a calendar, and for fewer than
        five days.

        A gap is a range of minutes within [start, end) and the life that have no bar, up to now. `after` and `before`
        are the bars beside it; they are null at the ends of the range and of the life. A gap is not an error by itself:
        a minute without a trade has no bar. The exchange was open for `open_minutes` of a gap's `minutes`.
        `open_gap_count` gaps have open minutes, `closed_gap_count` gaps have none. `missing_minutes` is the number of
        open minutes of all gaps. `gaps` lists up to 1,000 gaps of each kind in time order: those with the most open
        minutes, and the longest closed ones. Without a calendar these four fields are null, and `gaps` lists the 1,000
        longest. `gap_count` always counts all gaps. The `gaps` of a day counts those between two of its bars.

        `outside_session` lists the first 1,000 bars of [start, end) in minutes in which the exchange was closed, by its
        calendar. `outside_session_count` counts all of them; it is null without a calendar.

        With `session=regular` only the bars in regular hours count: in `bars`, `first`, `last`, `gaps` and all else. So
        the bars of extended hours are within a closed gap. Open and expected minutes are those of regular hours in
        both: extended hours may have bars, but no minute is missing there.
        """
        series = get_series(slug)
        parameters = SessionParameters.parse(request)
        check_calendar(series)
        check_session(series, parameters["session"])
        coverage = read_coverage(series, start=parameters["start"], end=parameters["end"], hours=parameters["session"])
        return Response(serialize_coverage(series, coverage, parameters["session"]))
