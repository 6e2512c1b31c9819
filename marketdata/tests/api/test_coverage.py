"""Coverage over REST."""

import pytest

from config.testing.builders import bars, ingest, together, write
from config.testing.clocks import utc
from config.testing.life import replace_mappings
from marketdata.api.responses.examples import COVERAGE_EXAMPLE
from marketdata.models import Series

COVERAGE = "/api/market-data/mnq/coverage"


@pytest.fixture
def records(market_db, tmp_path):
    """Tuesday from 18:00 to 16:00 in Chicago with half an hour missing, and the first two hours of Wednesday, which
    begins at 23:00 UTC. The last bar of Tuesday is in the minute after the close. The file maps January."""
    ingest(write(tmp_path / "mnq.dbn.zst", together(bars(560), bars(731, first=590), bars(120, first=1380))))
    replace_mappings(Series.objects.get(slug="mnq"), (utc("2024-01-01"), utc("2024-02-01")))


def test_days_are_trading_days_and_gaps_are_open_or_closed(reader, records):
    body = reader.get(COVERAGE, {"end": "2024-01-03T01:00"}).json()
    days = {day["day"]: day for day in body["days"]}
    assert body["days_are"] == "trading days of CME Globex Equity"
    assert list(days) == ["2024-01-02", "2024-01-03"]
    assert days["2024-01-02"] == COVERAGE_EXAMPLE["days"][0]
    wednesday = days["2024-01-03"]
    assert (wednesday["bars"], wednesday["expected"], wednesday["first"][:16]) == (120, 1380, "2024-01-02T23:00")
    assert (body["start"], body["end"]) == ("2024-01-01T00:00:00+00:00", "2024-01-03T01:00:00+00:00")
    assert (body["gap_count"], body["open_gap_count"], body["closed_gap_count"]) == (3, 2, 1)
    assert body["gaps"][:2] == COVERAGE_EXAMPLE["gaps"]
    assert (body["gaps"][2]["minutes"], body["gaps"][2]["open_minutes"]) == (59, 0)
    assert body["usual_bars"] is None


def test_the_example_in_the_description_is_a_real_response(reader, records):
    assert reader.get(COVERAGE, {"end": "2024-01-02T22:01"}).json() == COVERAGE_EXAMPLE


def test_a_day_agrees_with_its_candle(reader, records):
    candles = reader.get("/api/market-data/mnq/ohlcv-1d/bars").json()["bars"]
    names = {"session_date": "day", "ts": "ts", "bar_count": "bars", "expected": "expected", "forming": "forming"}
    days = reader.get(COVERAGE, {"start": "2024-01-02T12:00", "end": "2024-01-03T01:00"}).json()["days"]
    assert [{name: day[name] for name in names.values()} for day in days] == [
        {name: candle[field] for field, name in names.items()} for candle in candles
    ]


def test_open_days_without_bars_are_listed_and_closed_days_are_not(reader, records, tmp_path):
    ingest(write(tmp_path / "monday.dbn", bars(60, first=6 * 1440)))
    replace_mappings(Series.objects.get(slug="mnq"), (utc("2024-01-01"), utc("2024-02-01")))
    days = reader.get(COVERAGE, {"end": "2024-01-09T12:00"}).json()["days"]
    assert [(day["day"], day["bars"], day["expected_by_now"]) for day in days[2:]] == [
        ("2024-01-04", 0, 1380),
        ("2024-01-05", 0, 1380),
        ("2024-01-08", 60, 1380),
        ("2024-01-09", 0, 1380),
    ]
    assert (days[2]["first"], days[2]["last"], days[2]["gaps"]) == (None, None, 0)
    assert (days[4]["start"], days[4]["ts"]) == ("2024-01-05T23:00:00+00:00", "2024-01-07T23:00:00+00:00")


def test_a_series_without_a_calendar_has_utc_days_and_one_kind_of_gap(reader, records, set_calendar):
    set_calendar("")
    body = reader.get(COVERAGE, {"end": "2024-01-04"}).json()
    assert (body["days_are"], body["calendar"], body["usual_bars"]) == ("UTC days", "", None)
    assert [(day["day"], day["bars"], day["expected"], day["gaps"]) for day in body["days"]] == [
        ("2024-01-01", 0, 1440, 0),
        ("2024-01-02", 1351, 1440, 2),
        ("2024-01-03", 60, 1440, 0),
    ]
    assert (body["gap_count"], body["open_gap_count"], body["closed_gap_count"]) == (4, None, None)
    assert [(gap["minutes"], gap["open_minutes"]) for gap in body["gaps"]] == [
        (1440, None),
        (30, None),
        (59, None),
        (1380, None),
    ]
    assert (body["missing_minutes"], body["outside_session_count"], body["outside_session"]) == (None, None, [])


def test_an_unknown_calendar_is_reported(reader, records, set_calendar):
    set_calendar("Mars")
    response = reader.get(COVERAGE)
    assert response.status_code == 409
    assert 'No trading calendar is called "Mars"' in response.json()["detail"]


@pytest.mark.parametrize("end", ["0001-06-01", "2020-01-01"])
def test_a_range_before_the_first_bar_is_empty(reader, records, end):
    body = reader.get(COVERAGE, {"end": end})
    assert (body.status_code, body.json()["days"], body.json()["gaps"]) == (200, [], [])


def test_a_series_without_bars_has_empty_coverage(reader, set_calendar):
    body = reader.get(COVERAGE).json()
    assert (body["days"], body["life"], body["start"], body["open_gap_count"]) == ([], [], None, 0)
    assert (body["missing_minutes"], body["outside_session_count"], body["outside_session"]) == (0, 0, [])
    set_calendar("")
    assert reader.get(COVERAGE).json()["open_gap_count"] is None


def test_the_default_range_is_the_life(reader, records):
    """January is over; the file maps it to its end."""
    body = reader.get(COVERAGE).json()
    assert (body["start"], body["end"]) == ("2024-01-01T00:00:00+00:00", "2024-02-01T00:00:00+00:00")
    assert body["life"] == [{"start": body["start"], "end": body["end"]}]
    assert (body["gaps"][-1]["after"], body["gaps"][-1]["before"]) == ("2024-01-03T00:59:00+00:00", None)
    assert body["missing_minutes"] == sum(day["expected"] - day["open_bars"] for day in body["days"])


def test_the_default_range_is_at_most_366_days(reader, records):
    replace_mappings(Series.objects.get(slug="mnq"), (utc("2020-01-01"), utc("2024-02-01")))
    body = reader.get(COVERAGE).json()
    assert (body["start"], body["end"]) == ("2023-01-31T00:00:00+00:00", "2024-02-01T00:00:00+00:00")
    assert body["life"] == [{"start": "2020-01-01T00:00:00+00:00", "end": "2024-02-01T00:00:00+00:00"}]


def test_days_outside_the_data_are_not_missing(reader, records):
    body = reader.get(COVERAGE, {"start": "2024-01-31T12:00", "end": "2024-02-03"}).json()
    assert [(day["day"], day["expected"], day["outside_data"]) for day in body["days"]] == [
        ("2024-01-31", 1380, False),
        ("2024-02-01", 60, False),  # the evening before
        ("2024-02-02", 0, True),
    ]
    assert body["outside_data_days"] == 1
    assert [(gap["end"], gap["open_minutes"]) for gap in body["gaps"]] == [("2024-02-01T00:00:00+00:00", 660)]


def test_a_range_after_the_life_has_no_gaps(reader, records):
    body = reader.get(COVERAGE, {"start": "2024-02-05", "end": "2024-02-10"}).json()
    assert (len(body["days"]), body["outside_data_days"]) == (5, 5)
    assert (body["life"], body["gaps"], body["gap_count"], body["missing_minutes"]) == ([], [], 0, 0)
