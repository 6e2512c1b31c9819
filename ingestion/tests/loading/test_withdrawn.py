"""Bars that a restated delivery no longer has are counted and named, and removed if that is requested."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError

from config.testing.builders import FRONT, at, bars, exact, ingest, several, stored, together, write
from config.testing.contracts import NEXT, january, list_intervals, minutes, write_continuous
from config.testing.rollup import assert_rollup_matches
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file, preview_file
from marketdata.models import Bar, BarRevision, IngestRun, Series

REMOVE = IngestOptions(remove_withdrawn=True)
FEBRUARY = date(2024, 2, 1)


def restate(records: np.ndarray, *missing: int) -> np.ndarray:
    """The records of a later delivery, which lacks the rows at these positions."""
    return np.delete(records, missing)


def count(path: Path, options: IngestOptions | None = None) -> tuple[int, int]:
    """Ingest the file, after checking that its preview has the same result: withdrawn and removed bars."""
    before = stored_keys()
    preview = preview_file(path=path, options=options)
    assert stored_keys() == before
    loaded = ingest_file(path=path, options=options)
    ignored = {"dataset", "symbols"} if options and options.symbol else {"dataset"}
    assert {k: v for k, v in preview.to_run_fields().items() if k not in ignored} == {
        k: v for k, v in loaded.result.to_run_fields().items() if k not in ignored
    }
    assert preview.notes == loaded.result.notes
    run = IngestRun.objects.get(pk=loaded.run.pk)
    assert (run.withdrawn_count, run.removed_count) == (loaded.result.withdrawn_count, loaded.result.removed_count)
    return run.withdrawn_count, run.removed_count


def stored_keys() -> list[tuple]:
    return list(Bar.objects.order_by("symbol", "ts").values_list("symbol", "ts", "volume", "ingestion_run"))


def last_notes(path: Path, **options: object) -> str:
    return " ".join(ingest(path, json=True, **options).json["files"][0]["notes"])


def write_conditions(folder: Path, **conditions: str) -> None:
    """A condition.json: each keyword is a day of January 2024, such as d2, and its condition."""
    days = [
        {"date": f"2024-01-{int(day[1:]):02d}", "condition": condition, "last_modified_date": "2024-01-20"}
        for day, condition in conditions.items()
    ]
    (folder / "condition.json").write_text(json.dumps(days))


# --- Counted and named ------------------------------------------------------------------------------------------------


def test_withdrawn_bars_are_counted_named_and_stay(market_db, tmp_path):
    records = bars(100)
    ingest(write(tmp_path / "first.dbn", records))
    path = write(tmp_path / "restated.dbn", restate(records, 40, 41, 42))

    assert count(path) == (3, 0)

    assert stored() == exact(records)
    printed = ingest(path)
    assert "Withdrawn (stored, but not in the file): 3" in printed.out.splitlines()
    assert (
        "the table has 3 bars in the file's range that the file does not have: CME_MINI:MNQ1! 2024-01-02 00:40 UTC; "
        "CME_MINI:MNQ1! 2024-01-02 00:41 UTC; CME_MINI:MNQ1! 2024-01-02 00:42 UTC. --remove-withdrawn removes them."
    ) in printed.out
    [result] = ingest(path, json=True, dry_run=True).json["files"]
    assert (result["withdrawn"], result["removed"], result["identical"]) == (3, 0, 97)


def test_only_the_first_of_many_are_named(market_db, tmp_path):
    ingest(write(tmp_path / "first.dbn", bars(100)))
    notes = last_notes(write(tmp_path / "restated.dbn", restate(bars(100), *range(10, 30))))
    assert "has 20 bars" in notes
    assert "00:14 UTC; and 15 more." in notes


def test_withdrawn_bars_are_removed_and_their_values_kept(market_db, tmp_path):
    records = bars(100)
    first = ingest_file(path=write(tmp_path / "first.dbn", records)).run
    path = write(tmp_path / "restated.dbn", restate(records, 0, 41, 99))
    intervals = list_intervals()

    assert count(path, REMOVE) == (3, 3)

    assert stored() == exact(restate(records, 0, 41, 99))
    revisions = BarRevision.objects.order_by("ts")
    values = revisions.values_list("ts", "open", "high", "low", "close", "volume")
    assert {row[0]: row[1:] for row in values} == exact(records[[0, 41, 99]])
    assert set(revisions.values_list("operation", "ingestion_run")) == {("delete", first.pk)}
    assert list_intervals() == intervals
    assert_rollup_matches()
    assert count(path, REMOVE) == (0, 0)


def test_the_summary_has_the_counts_of_removed_bars(market_db, tmp_path):
    ingest(write(tmp_path / "first.dbn", bars(100)))
    path = write(tmp_path / "restated.dbn", restate(bars(100), 40, 41))
    for dry_run in (True, False):
        out = ingest(path, remove_withdrawn=True, dry_run=dry_run).out
        assert {"Bars, not in the file: 2 removed", "Withdrawn (stored, but not in the file): 2"} < set(
            out.splitlines()
        )
        assert "--remove-withdrawn was given, so they are removed." in out
    assert IngestRun.objects.latest("pk").remove_withdrawn


def test_changed_new_and_repeated_rows_are_not_withdrawn(market_db, tmp_path):
    records = bars(100)
    ingest(write(tmp_path / "first.dbn", records[20:60]))
    records["volume"][30:35] += 1
    path = write(tmp_path / "restated.dbn", np.concatenate((records[:50], records[49:50], records[51:])))
    assert count(path) == (1, 0)
    assert count(path, REMOVE) == (1, 1)
    assert stored() == exact(restate(records, 50))


def test_rows_stored_without_staging_are_of_the_file(market_db, tmp_path):
    """Rows before and after the table's bars go directly into the table."""
    ingest(write(tmp_path / "first.dbn", bars(20, first=50)))
    path = write(tmp_path / "restated.dbn", restate(bars(200), 55))
    loaded = ingest_file(path=path, options=REMOVE)
    assert (loaded.run.inserted_count, loaded.run.removed_count) == (180, 1)
    assert stored() == exact(restate(bars(200), 55))


def test_a_first_load_and_a_repeated_one_withdraw_nothing(market_db, tmp_path):
    path = write(tmp_path / "first.dbn", bars(100))
    assert [count(path, REMOVE) for _ in range(2)] == [(0, 0)] * 2


# --- Where a file is compared -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("start", "end"), [(10, 90), (10, 89), (11, 90), (0, 100), (0, 200), (15, 85), (15, 86)])
def test_bars_outside_the_files_range_are_not_withdrawn(market_db, tmp_path, start, end):
    """The end is not part of the range."""
    ingest(write(tmp_path / "first.dbn", bars(100)))
    path = write(tmp_path / "restated.dbn", bars(70, first=15), start=at(start), end=at(end))
    assert count(path)[0] == (15 - start) + (min(end, 100) - 85)


def test_only_full_minutes_of_the_range_are_compared(market_db, tmp_path):
    ingest(write(tmp_path / "first.dbn", bars(10)))
    path = write(tmp_path / "restated.dbn", bars(4, first=3), start=at(1) + 1, end=at(9) - 1)
    assert count(path) == (2, 0)  # the minutes 2 and 7


def test_bars_of_days_that_the_file_does_not_map_are_not_withdrawn(market_db, tmp_path):
    records = np.concatenate([minutes(600, 5, day=day) for day in (2, 3, 4)])
    ingest(write_continuous(tmp_path / "first.dbn", records))
    mappings = [(january(2), january(3), FRONT), (january(4), FEBRUARY, FRONT)]
    path = write_continuous(tmp_path / "restated.dbn", records[[0, 1, 2, 10, 11]], mappings=mappings)
    assert count(path, REMOVE) == (5, 5)
    assert stored() == exact(records[[0, 1, 2, *range(5, 10), 10, 11]])


def test_bars_of_another_instrument_are_not_withdrawn(market_db, tmp_path):
    """The file maps the series to another instrument on a day without a bar in it."""
    parts = [minutes(600, 5, day=2), minutes(600, 5, day=3, instrument_id=NEXT)]
    mappings = [(january(1), january(3), FRONT), (january(3), FEBRUARY, NEXT)]
    ingest(write_continuous(tmp_path / "first.dbn", *parts, mappings=mappings))
    path = write_continuous(tmp_path / "restated.dbn", parts[0][:4])
    assert count(path, REMOVE) == (1, 1)
    assert stored() == exact(np.concatenate((parts[0][:4], parts[1])))


def test_of_a_roll_day_bars_are_withdrawn_only_by_a_file_of_both_instruments(market_db, tmp_path):
    parts = [minutes(0, 10, day=2), minutes(10, 10, day=2, instrument_id=NEXT)]
    first = np.concatenate([*parts, minutes(0, 5, day=3, instrument_id=NEXT)])
    ingest(write(tmp_path / "first.dbn", first, mappings={}), symbol="MINE")
    mine = IngestOptions(symbol="MINE", remove_withdrawn=True)

    one = write(tmp_path / "one.dbn", first[20:], mappings={"MNQ.c.0": [(january(1), FEBRUARY, NEXT)]})
    assert count(one, mine) == (0, 0)
    both = write(tmp_path / "both.dbn", restate(first, 5, 15), mappings={})
    assert count(both, mine) == (2, 2)


def test_bars_of_another_dataset_are_not_withdrawn(market_db, tmp_path):
    records = np.concatenate([minutes(600, 5, day=day) for day in (2, 3)])
    ingest(write(tmp_path / "first.dbn", records), symbol="MINE")
    path = write(tmp_path / "other.dbn", minutes(600, 5, day=4), dataset="XNAS.ITCH")
    assert count(path, IngestOptions(symbol="MINE", remove_withdrawn=True)) == (0, 0)


def test_only_bars_of_the_files_publishers_are_withdrawn(market_db, tmp_path):
    parts = [minutes(600, 5, day=2), minutes(600, 5, day=3)]
    parts[1]["publisher_id"] = 2
    ingest(write_continuous(tmp_path / "first.dbn", *parts))
    path = write_continuous(tmp_path / "restated.dbn", parts[0][:4])
    assert count(path, REMOVE) == (1, 1)
    assert stored() == exact(np.concatenate((parts[0][:4], parts[1])))


def test_with_publisher_only_its_bars_are_withdrawn(market_db, tmp_path):
    parts = [minutes(600, 5, day=2), minutes(600, 5, day=3)]
    parts[1]["publisher_id"] = 2
    ingest(write_continuous(tmp_path / "first.dbn", *parts))
    path = write_continuous(tmp_path / "restated.dbn", parts[0][:4], parts[1][:3])
    assert count(path, IngestOptions(publisher_id=2, remove_withdrawn=True)) == (2, 2)
    assert stored() == exact(np.concatenate((parts[0], parts[1][:3])))


def test_a_file_without_mappings_is_compared_where_the_instrument_agrees(market_db, tmp_path):
    records = np.concatenate([minutes(600, 5, day=day) for day in (2, 3, 4, 5)])
    records["instrument_id"][15:] = NEXT
    ingest(write(tmp_path / "first.dbn", records, mappings={}))
    path = write(tmp_path / "restated.dbn", records[5:9], mappings={})
    assert count(path, REMOVE) == (11, 11)
    assert stored() == exact(records[[5, 6, 7, 8, *range(15, 20)]])


def test_a_series_given_by_symbol_is_compared(market_db, tmp_path):
    ingest(write(tmp_path / "first.dbn", bars(10)), symbol="MINE")
    path = write(tmp_path / "restated.dbn", restate(bars(10), 3, 4))
    assert count(path, IngestOptions(symbol="MINE", remove_withdrawn=True)) == (2, 2)
    assert stored("MINE") == exact(restate(bars(10), 3, 4))


# --- Several series ---------------------------------------------------------------------------------------------------


def test_each_series_of_a_file_is_compared_also_one_without_a_row(market_db, tmp_path):
    parts = {"A": bars(10, instrument_id=1), "B": bars(10, instrument_id=2), "C": bars(10, instrument_id=3)}
    ingest(several(tmp_path / "first.dbn", parts))
    mappings = {symbol: [(january(1), FEBRUARY, number)] for number, symbol in enumerate("ABD", start=1)}
    mappings["D"] = [(january(1), FEBRUARY, 4)]  # without a bar, here and in the table
    path = write(
        tmp_path / "restated.dbn",
        restate(parts["A"], 5),
        mappings=mappings,
        symbols=("A", "B", "D"),
        stype_in="raw_symbol",
    )

    assert count(path) == (11, 0)
    assert IngestRun.objects.latest("pk").symbols == ["A"]
    assert count(path, REMOVE) == (11, 11)

    assert (len(stored("A")), len(stored("B")), len(stored("C"))) == (9, 0, 10)
    assert IngestRun.objects.latest("pk").symbols == ["A", "B"]
    assert not Series.objects.filter(symbol="D").exists()


def test_the_time_range_of_a_run_includes_what_it_removed(market_db, tmp_path):
    ingest(write(tmp_path / "first.dbn", bars(100)))
    run = ingest_file(path=write(tmp_path / "restated.dbn", bars(100)[20:80]), options=REMOVE).run
    assert (run.min_ts, run.max_ts) == (datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 2, 1, 39, tzinfo=UTC))


def test_an_instrument_number_that_another_symbol_has_is_not_that_series(market_db, tmp_path):
    """The number 1 changes hands from A to B on 4 January."""
    first = np.concatenate([minutes(600, 5, day=day, instrument_id=1) for day in (2, 4)])
    symbols = {"symbols": ("A", "B"), "stype_in": "raw_symbol"}
    ingest(write(tmp_path / "first.dbn", first, mappings={"A": [(january(1), FEBRUARY, 1)], "B": []}, **symbols))
    mappings = {"A": [(january(1), january(4), 1)], "B": [(january(4), FEBRUARY, 1)]}
    path = write(tmp_path / "restated.dbn", first[:4], mappings=mappings, **symbols)
    assert count(path, REMOVE) == (1, 1)
    assert stored("A") == exact(first[[0, 1, 2, 3, *range(5, 10)]])


def test_the_files_of_a_split_delivery_do_not_withdraw_bars_of_one_another(market_db, tmp_path):
    """A delivery split by size ends in the middle of a minute, and states its first and last record as its range."""
    parts = {"A": bars(10, instrument_id=1), "B": bars(10, instrument_id=2)}
    mappings = {"A": [(january(1), FEBRUARY, 1)], "B": [(january(1), FEBRUARY, 2)]}
    records = together(*parts.values())
    for name, rows in (("1.dbn", records[:11]), ("2.dbn", records[11:])):
        times = {"start": int(rows["ts_event"][0]), "end": int(rows["ts_event"][-1])}
        path = write(tmp_path / name, rows, mappings=mappings, symbols=("A", "B"), stype_in="raw_symbol", **times)
        assert count(path, REMOVE) == (0, 0)
    assert [len(stored(symbol)) for symbol in parts] == [10, 10]


# --- Never ------------------------------------------------------------------------------------------------------------


def test_with_a_limit_nothing_is_compared(market_db, tmp_path):
    ingest(write(tmp_path / "first.dbn", bars(100)))
    path = write(tmp_path / "restated.dbn", restate(bars(100), 40))
    assert count(path, IngestOptions(limit=50)) == (0, 0)
    with pytest.raises(CommandError, match=r"^--remove-withdrawn with --limit .* leave --limit out\.$") as refusal:
        ingest(path, remove_withdrawn=True, limit=50)
    assert refusal.value.returncode == 2
    assert stored() == exact(bars(100))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"limit": 1000}, "limited to 1,000 rows"), ({"end": None}, "does not state"), ({"start": 0}, "does not state")],
)
def test_a_file_that_may_be_cut_or_states_no_range_is_not_compared(market_db, tmp_path, changes, reason):
    ingest(write(tmp_path / "first.dbn", bars(100)))
    path = write(tmp_path / "restated.dbn", restate(bars(100), 40), **changes)
    assert count(path, REMOVE) == (0, 0)
    assert "No bar was compared for --remove-withdrawn: " in (notes := last_notes(path, remove_withdrawn=True))
    assert reason in notes
    assert "remove-withdrawn" not in last_notes(path)
    assert stored() == exact(bars(100))


def test_bars_of_a_pending_delivery_are_not_withdrawn(market_db, tmp_path):
    records = np.concatenate([minutes(600, 5, day=day) for day in (2, 3)])
    ingest(write_continuous(tmp_path / "first.dbn", records))
    write_conditions(tmp_path, d2="available", d3="available", d31="pending")
    path = write_continuous(tmp_path / "restated.dbn", restate(records, 2, 7))
    assert count(path, REMOVE) == (0, 0)
    assert "2 bars in the file's range that the file does not have, but " in (notes := last_notes(path))
    assert "condition.json lists 2024-01-31 as pending, so the data are not final" in notes
    assert stored() == exact(records)


def test_the_condition_of_days_outside_the_file_does_not_matter(market_db, tmp_path):
    ingest(write(tmp_path / "first.dbn", bars(10)))
    write_conditions(tmp_path, d1="degraded", d2="available", d3="pending")
    path = write(tmp_path / "restated.dbn", restate(bars(10), 2), start=at(0), end=at(1440))
    assert count(path, REMOVE) == (1, 1)


@pytest.mark.parametrize("condition", ["degraded", "missing"])
def test_bars_of_a_day_without_final_data_are_not_withdrawn(market_db, tmp_path, condition):
    records = np.concatenate([minutes(600, 5, day=day) for day in (2, 3)])
    ingest(write_continuous(tmp_path / "first.dbn", records))
    write_conditions(tmp_path, d2="available", d3=condition)
    path = write_continuous(tmp_path / "restated.dbn", restate(records, 2, 7))
    assert f"lists 2024-01-03 as {condition}" in last_notes(path)
    assert count(path, REMOVE) == (1, 1)
    assert stored() == exact(restate(records, 2))


@pytest.mark.parametrize("content", ["{", "[1]", '[{"date": "x", "condition": "available"}]', "null"])
def test_with_conditions_that_cannot_be_read_bars_are_counted_and_stay(market_db, tmp_path, content):
    ingest(write(tmp_path / "first.dbn", bars(10)))
    (tmp_path / "condition.json").write_text(content)
    path = write(tmp_path / "restated.dbn", restate(bars(10), 2))
    assert count(path, REMOVE) == (1, 0)
    assert "They stay, since " in (notes := last_notes(path, remove_withdrawn=True))
    assert "condition.json cannot be parsed: download it again, or remove it." in notes
    assert stored() == exact(bars(10))


# --- With other options -----------------------------------------------------------------------------------------------


def test_replaced_bars_are_not_withdrawn_too(market_db, tmp_path):
    old = [minutes(0, 10, day=day) for day in (2, 3)]
    ingest(write_continuous(tmp_path / "old.dbn", *old))
    mappings = [(january(1), january(3), FRONT), (january(3), FEBRUARY, NEXT)]
    new = minutes(5, 10, day=3, instrument_id=NEXT)
    path = write_continuous(tmp_path / "new.dbn", old[0][:9], new, mappings=mappings)

    both = IngestOptions(replace_instrument=True, remove_withdrawn=True)
    run = ingest_file(path=path, options=both).run

    assert (run.withdrawn_count, run.removed_count) == (1, 6)
    assert stored() == exact(np.concatenate((old[0][:9], new)))


@pytest.mark.parametrize("remove", [False, True])
def test_bars_of_dates_on_which_the_instrument_is_replaced_are_counted_once(market_db, tmp_path, remove):
    """The mappings have the old instrument, the rows have the new one: --symbol does not follow the mappings."""
    ingest(write(tmp_path / "old.dbn", bars(10), mappings={}), symbol="MINE")
    path = write(tmp_path / "new.dbn", bars(5, instrument_id=NEXT))
    options = IngestOptions(symbol="MINE", replace_instrument=True, remove_withdrawn=remove)
    assert count_replaced(path, options) == (0, 5)


def count_replaced(path: Path, options: IngestOptions) -> tuple[int, int]:
    preview, run = preview_file(path=path, options=options), ingest_file(path=path, options=options).run
    assert (preview.withdrawn_count, preview.removed_count) == (run.withdrawn_count, run.removed_count)
    return run.withdrawn_count, run.removed_count


def test_a_file_already_loaded_is_not_skipped_when_bars_are_to_be_removed(market_db, tmp_path):
    ingest(write(tmp_path / "first.dbn", bars(10)))
    path = write(tmp_path / "restated.dbn", restate(bars(10), 2))
    ingest(path)
    [result] = ingest(path, json=True, skip_ingested=True, remove_withdrawn=True).json["files"]
    assert (result["status"], result["removed"]) == ("success", 1)
