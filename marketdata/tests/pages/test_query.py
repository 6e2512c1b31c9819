"""Hours with bars, for the coverage strips."""

from collections import Counter
from datetime import date, timedelta

from config.testing.builders import MIDNIGHT, bars, ingest, stored, together, write_filled
from marketdata.pages.query import count_hours_with_bars

MNQ = "CME_MINI:MNQ1!"


def test_hours_with_bars_are_counted_by_utc_day(market_db, tmp_path):
    ingest(write_filled(tmp_path / "mnq.dbn", together(bars(70), bars(1, first=300), bars(200, first=1435))))
    last = max(stored())
    hours = {time.replace(minute=0) for time in stored()}
    counted = count_hours_with_bars([(MNQ, MIDNIGHT, last)])
    assert counted == {MNQ: dict(Counter(hour.date() for hour in hours))}
    assert counted[MNQ] == {date(2024, 1, 2): 4, date(2024, 1, 3): 4}
    later = MIDNIGHT + timedelta(days=1)
    assert count_hours_with_bars([(MNQ, later, last), ("OTHER", MIDNIGHT, last)]) == {MNQ: {date(2024, 1, 3): 4}}


def test_no_series_need_no_query(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert count_hours_with_bars([]) == {}
