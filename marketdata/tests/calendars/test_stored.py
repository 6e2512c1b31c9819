"""Trading days in files: the same as those of the library, and no harm if a file cannot be used."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from marketdata.calendars import stored, trading_days
from marketdata.calendars.exchange import UnknownCalendar, get_exchange
from marketdata.calendars.trading_days import find_trading_days, find_zone

RANGE = datetime(2023, 11, 20, tzinfo=UTC), datetime(2024, 1, 10, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(trading_days, "_years", {})
    monkeypatch.setattr(trading_days, "_zones", {})
    stored.use_folder(tmp_path / "calendars")
    yield tmp_path / "calendars"
    stored.use_folder(None)


@pytest.mark.parametrize("calendar", ["CME Globex Equity", "NYSE", "CMEGlobex_Grains", "24/7", "JPX"])
def test_stored_days_equal_those_of_the_library(folder, calendar):
    computed = find_trading_days(calendar, *RANGE)
    assert list(folder.glob("*.json"))
    trading_days._years.clear()
    assert find_trading_days(calendar, *RANGE) == computed
    assert find_zone(calendar) == get_exchange(calendar).zone
    assert [day.seconds for day in find_trading_days(calendar, *RANGE)] == [day.seconds for day in computed]


@pytest.mark.parametrize("content", ["", "{", "[]", '["UTC"]', "\x00"])
def test_a_damaged_file_is_computed_again(folder, content):
    computed = find_trading_days("NYSE", *RANGE)
    for path in folder.glob("*.json"):
        path.write_text(content)
    trading_days._years.clear()
    assert find_trading_days("NYSE", *RANGE) == computed


def test_a_folder_that_cannot_be_written_does_no_harm(folder, tmp_path):
    (tmp_path / "file").write_text("")
    stored.use_folder(tmp_path / "file" / "calendars")
    assert find_trading_days("NYSE", *RANGE)


def test_nothing_is_stored_unless_a_folder_is_in_use(folder):
    stored.use_folder(None)
    find_trading_days("NYSE", *RANGE)
    assert not folder.exists()


def test_an_unknown_calendar_is_refused(folder):
    with pytest.raises(UnknownCalendar):
        find_trading_days("Mars", *RANGE)


def test_a_process_that_reads_files_does_not_import_the_library(folder):
    find_trading_days("NYSE", *RANGE)
    program = (
        "import sys; from pathlib import Path; from datetime import UTC, datetime\n"
        "from marketdata.calendars import stored, trading_days\n"
        f"stored.use_folder(Path({str(folder)!r}))\n"
        "start, end = datetime(2023, 11, 20, tzinfo=UTC), datetime(2024, 1, 10, tzinfo=UTC)\n"
        "assert trading_days.find_trading_days('NYSE', start, end)\n"
        "trading_days.find_zone('NYSE')\n"
        "print(sorted({'pandas', 'pandas_market_calendars'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
