"""The conditions of days, as Databento delivers them beside its files."""

import json
from datetime import date

import pytest

from ingestion.dbn.beside.conditions import read_conditions, summarize_conditions
from ingestion.errors import UnreadableFile

DAYS = [
    {"date": "2024-01-02", "condition": "available", "last_modified_date": "2024-01-20"},
    {"date": "2024-01-03", "condition": "degraded", "last_modified_date": "2024-01-20"},
    {"date": "2024-01-04", "condition": "pending", "last_modified_date": "2024-01-20"},
    {"date": "2024-01-05", "condition": "missing", "last_modified_date": None},
]


def test_days_whose_data_are_not_final_are_found_within_the_dates(tmp_path):
    (tmp_path / "condition.json").write_text(json.dumps(DAYS))
    conditions = read_conditions(tmp_path / "mnq.dbn")
    assert conditions is not None
    assert conditions.path == tmp_path / "condition.json"
    assert conditions.find_unfinished(date(2024, 1, 1), date(2024, 1, 5)) == {
        date(2024, 1, 3): "degraded",
        date(2024, 1, 4): "pending",
    }
    assert conditions.find_unfinished(date(2024, 1, 2), date(2024, 1, 3)) == {}


def test_a_folder_may_have_no_conditions(tmp_path):
    assert read_conditions(tmp_path / "mnq.dbn") is None


@pytest.mark.parametrize("content", ["", "{", "null", "7", '["2024-01-02"]', '[{"date": "2024-01-02"}]', "[" * 100_000])
def test_conditions_that_cannot_be_parsed_are_an_error(tmp_path, content):
    (tmp_path / "condition.json").write_text(content)
    with pytest.raises(UnreadableFile, match=r"condition\.json cannot be parsed$"):
        read_conditions(tmp_path / "mnq.dbn")


def test_conditions_that_cannot_be_read_are_an_error(tmp_path):
    (tmp_path / "condition.json").mkdir()
    with pytest.raises(UnreadableFile, match=r"condition\.json cannot be read \(Is a directory\)$"):
        read_conditions(tmp_path / "mnq.dbn")


def test_a_run_keeps_the_days_of_its_range_that_are_not_available(tmp_path):
    (tmp_path / "condition.json").write_text(json.dumps([*DAYS, {"date": "2024-01-06", "condition": "odd"}]))
    assert summarize_conditions(tmp_path / "mnq.dbn", date(2024, 1, 3), date(2024, 1, 5)) == {
        "start": "2024-01-03",
        "end": "2024-01-05",
        "days": {"2024-01-03": "degraded", "2024-01-04": "pending"},
    }
    kept = summarize_conditions(tmp_path / "mnq.dbn", date(2024, 1, 5), date(2024, 2, 1))
    assert kept is not None
    assert kept["days"] == {"2024-01-05": "missing"}


@pytest.mark.parametrize("content", [None, "{", "[]x"])
def test_a_run_keeps_nothing_of_what_cannot_be_read(tmp_path, content):
    if content is not None:
        (tmp_path / "condition.json").write_text(content)
    assert summarize_conditions(tmp_path / "mnq.dbn", date(2024, 1, 3), date(2024, 1, 5)) is None
