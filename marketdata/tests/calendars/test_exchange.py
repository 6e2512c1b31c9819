"""Names of calendars, and the cost of importing."""

import subprocess
import sys
import warnings
from datetime import date

import pytest
from django.core.exceptions import ValidationError

from marketdata.calendars.exchange import is_known_calendar
from marketdata.calendars.schedules import get_library_calendar
from marketdata.models import Series


@pytest.mark.parametrize("name", ["CME Globex Equity", "NYSE", "24/7", "EUREX"])
def test_names_of_the_library_are_known(name):
    assert is_known_calendar(name)


@pytest.mark.parametrize("name", ["", "nyse", "CME_Globex_Equity", "NYSE ", "ASEX", "XSGO"])
def test_other_names_and_those_without_sessions_are_unknown(name):
    assert not is_known_calendar(name)


@pytest.mark.parametrize("name", ["ASEX", "XBEL", "XBSE", "XCYS", "XSGO"])
def test_the_library_still_fails_for_some_of_its_names(name):
    """Fails when the library has learnt a name: then that name need not be refused."""
    from pandas_market_calendars import get_calendar

    with pytest.raises((NotImplementedError, ValueError)):
        get_calendar(name).schedule("2024-01-01", "2024-02-01")


def test_a_series_with_an_unknown_calendar_is_refused(db):
    with pytest.raises(ValidationError) as refused:
        Series(slug="es", symbol="ES", calendar="CME").clean()
    assert refused.value.message_dict["calendar"][0].startswith('No trading calendar is called "CME".')
    Series(slug="es", symbol="ES", calendar="CME Globex Equity").clean()
    Series(slug="es", symbol="ES", calendar="").clean()


def test_starting_django_imports_no_pandas():
    code = "import django, sys; django.setup(); import marketdata.admin; sys.exit('pandas' in sys.modules)"
    environment = {"DJANGO_SETTINGS_MODULE": "config.settings", "PATH": "/usr/bin:/bin"}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


def test_what_the_library_calls_is_not_shown_as_deprecated():
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        assert get_library_calendar("NYSE").list_sessions(date(2026, 11, 20), date(2026, 12, 20))
    assert not shown
