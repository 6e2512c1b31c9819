"""The details of a run."""

from __future__ import annotations

import re
from datetime import timedelta

from config.testing.web.pages import RUN_TIME
from ingestion.pages.details import describe_undos, list_details
from marketdata.models import IngestRun
from marketdata.pages.presenters import RunRow

FIELDS = {
    "pk": 1, "status": "success", "file_name": "<b>.dbn", "file_path": "/data/<b>.dbn", "file_sha256": "a" * 64,
    "file_size": 1234, "dataset": "mnq_ohlcv_1m", "vendor": "databento", "vendor_dataset": "GLBX.MDP3",
    "schema": "ohlcv-1m", "symbols": ["A", "B"], "started_at": RUN_TIME,
    "finished_at": RUN_TIME + timedelta(seconds=2), "min_ts": RUN_TIME, "max_ts": RUN_TIME,
}  # fmt: skip


def read(**changes) -> dict[str, str]:
    """Name and text without tags of each row."""
    details = list_details(RunRow(IngestRun(**(FIELDS | changes))))
    return {detail.name: re.sub(r"<[^>]+>", "", detail.text) for detail in details}


def test_a_file_has_size_and_checksum():
    details = read()
    assert list(details) == ["Started", "Finished", "File", "Size", "sha256", "Dataset", "Series", "Bars from"]
    assert details["Finished"] == "2024-03-01 12:00:02 UTC, after 2.0 s"
    assert details["Size"] == "1,234 bytes"
    assert details["Dataset"] == "mnq_ohlcv_1m (databento GLBX.MDP3), ohlcv-1m"
    assert details["Series"] == "A, B"
    assert details["Bars from"] == "2024-03-01 12:00 to 2024-03-01 12:00 UTC"


def test_unknown_values_are_dashes():
    unknown = {"file_size": None, "file_sha256": "", "dataset": "", "vendor_dataset": "", "symbols": [], "min_ts": None}
    details = read(**unknown, max_ts=None, finished_at=None)
    assert "Bars from" not in details
    assert details["Finished"] == "not yet"
    assert (details["Size"], details["Series"], details["Dataset"]) == ("—", "—", "—, ohlcv-1m")
    assert details["sha256"] == "— (the file was not read completely)"


def test_of_many_symbols_twenty_are_named():
    details = read(symbols=[f"S{number}" for number in range(21)])
    assert details["Series"].endswith("S18, S19 and others, 21 in total")
    assert "others" not in read(symbols=[f"S{number}" for number in range(20)])["Series"]


def test_an_undo_names_the_undone_run_instead_of_a_file():
    [detail] = [one for one in list_details(RunRow(IngestRun(**FIELDS, undoes_id=7))) if one.name == "Undoes"]
    assert detail.text == '<a href="/runs/7/">run 7</a> (&lt;b&gt;.dbn)'
    assert "File" not in read(undoes_id=7)


def test_undos_count_the_bars_that_they_skipped():
    texts = describe_undos(
        [IngestRun(pk=9, left_count=0), IngestRun(pk=8, left_count=1), IngestRun(pk=7, left_count=2)]
    )
    assert [re.sub(r"<[^>]+>", "", text) for text in texts] == [
        "Undone by run 9.",
        "Undone by run 8, except 1 bar.",
        "Undone by run 7, except 2 bars.",
    ]
