"""Coverage of a real year of one continuous series, where the file is present."""

from pathlib import Path

import pytest
from django.conf import settings

from config.testing.builders import ingest
from config.testing.clocks import CME, utc
from config.testing.life import replace_mappings
from config.testing.reference.coverage import LATER, set_calendar
from marketdata.coverage.report import read_coverage
from marketdata.models import Series

YEAR = Path(settings.BASE_DIR).parent / "shared/fixtures/nq-front-2018/nq-front-2018.ohlcv-1m.dbn.zst"


@pytest.mark.skipif(not YEAR.exists(), reason="NOT TESTED: the file is not part of the project")
def test_bars_in_the_minute_after_a_close_are_listed(market_db):
    """The file maps all of 2018. 98 bars from April to August are in the minute after a close."""
    ingest(YEAR, symbol="NQ")
    series = set_calendar(Series.objects.get(symbol="NQ"), CME)
    replace_mappings(series, (utc("2018-01-01"), utc("2019-01-01")))
    found = read_coverage(series, start=None, end=None, now=LATER)
    assert (found.start, found.end) == (utc("2018-01-01"), utc("2019-01-01"))
    outside = found.outside_session
    assert (outside.count, len(outside.first)) == (98, 98)
    assert {bar.month for bar in outside.first} == {4, 5, 6, 7, 8}
    assert sum(day.outside_session for day in found.days) == 98
    assert found.gaps.open_minutes == sum(day.expected - day.open_bars for day in found.days)
    assert not any(day.outside_data for day in found.days)
