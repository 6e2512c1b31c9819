"""The next steps of a run."""

from __future__ import annotations

import re

import pytest

from config.testing.web.pages import RUN_TIME
from ingestion.pages.steps import Aftermath, NextSteps, Written, list_next_steps
from marketdata.command_line import manage
from marketdata.models import IngestRun, Series
from marketdata.runs.later import LaterRun

INGEST = f"{manage()} ingest_dbn --input /data/mnq.dbn"
HOSTILE = "<script>alert('x')</script>.dbn"


def build_run(status: str = "success", **changes) -> IngestRun:
    return IngestRun(**({"pk": 1, "status": status, "file_path": "/data/mnq.dbn", "min_ts": RUN_TIME} | changes))


def list_steps(run: IngestRun, *, series: tuple[Series, ...] = (), note: str = "", **aftermath) -> NextSteps:
    return list_next_steps(run, Written(series, note), Aftermath(**aftermath))


def read(next_steps: NextSteps) -> list[tuple[str, str]]:
    """Text without tags, and command of each step."""
    return [(re.sub(r"<[^>]+>", "", step.text), step.command) for step in next_steps.steps]


def test_a_failed_run_is_checked_then_repeated():
    steps = list_steps(build_run("failed"))
    assert steps.numbered
    assert read(steps) == [
        (
            "Resolve the error above, or download the file again. Then validate the file, without writing anything:",
            f"{INGEST} --dry-run",
        ),
        ("Load the file. Repeating the command stores nothing twice:", INGEST),
    ]


def test_a_failed_undo_is_checked_then_repeated():
    assert read(list_steps(build_run("failed", undoes_id=7))) == [
        (
            "Resolve the error above. Then check what the undo would change, without writing anything:",
            f"{manage()} undo_run 7 --dry-run",
        ),
        ("Undo the run:", f"{manage()} undo_run 7"),
    ]


def test_a_failed_run_whose_file_was_loaded_since_needs_nothing():
    steps = list_steps(build_run("failed"), loaded_since=9)
    assert (read(steps), steps.numbered) == ([("None: run 9 has loaded the file since.", "")], False)


@pytest.mark.parametrize(
    ("undoes", "word", "command"), [(None, "ingest", INGEST), (7, "undo", f"{manage()} undo_run 7")]
)
def test_a_running_run_is_waited_for(undoes, word, command):
    [(text, offered)] = read(list_steps(build_run("running", undoes_id=undoes, kind="undo" if undoes else "file")))
    assert text.startswith("Wait: this page follows the run.")
    assert text.endswith(f"To repeat the {word} then:")
    assert offered == command


def test_a_successful_run_shows_its_bars_and_can_be_repeated():
    steps = list_steps(build_run(), series=(Series(slug="a-b", symbol="A&B"),), note="60 symbols in total")
    assert read(steps) == [
        ("No action is required. View the bars:", ""),
        ("To load the file again, which changes no stored bar:", INGEST),
    ]
    address = "/series/a-b/?from=2024-03-01T12%3A00%3A00%2B00%3A00"
    assert steps.steps[0].links == [f'<a href="{address}">A&amp;B from 2024-03-01 12:00 UTC</a>']
    assert steps.steps[0].note == "60 symbols in total"


def test_a_run_without_series_or_times_has_no_broken_links():
    assert read(list_steps(build_run()))[0] == ("No action is required.", "")
    steps = list_steps(build_run(min_ts=None), series=(Series(slug="mnq", symbol="MNQ"),))
    assert steps.steps[0].links == ['<a href="/series/mnq/">MNQ</a>']


def test_an_undo_is_reversed_by_loading_the_file():
    assert read(list_steps(build_run(undoes_id=7)))[1:] == [("To reverse this undo, load the file of run 7 again.", "")]


LATER = (LaterRun(5, "fix.dbn", None), LaterRun(4, "", 2))
UNDOS = (IngestRun(pk=3), IngestRun(pk=2))
OVERWRITES = "overwrite values of later runs"
REPLACES = "The command removes the bars of another instrument on the file’s dates."


@pytest.mark.parametrize(
    ("replace", "aftermath", "warnings"),
    [
        (False, {"undos": UNDOS}, "Loading the file again would reverse the undo by run 3."),
        (
            False,
            {"undos": UNDOS, "later": LATER},
            f"Loading the file again would reverse the undo by run 3, and {OVERWRITES}: "
            "run 5 (fix.dbn), run 4 (undo of run 2).",
        ),
        (
            False,
            {"later": LATER},
            f"Loading the file again would {OVERWRITES}, which changed bars in this range: "
            "run 5 (fix.dbn), run 4 (undo of run 2).",
        ),
        (True, {}, REPLACES),
        (True, {"undos": UNDOS}, f"Loading the file again would reverse the undo by run 3. {REPLACES}"),
    ],
)
def test_loading_again_is_checked_first_where_it_would_change_bars(replace, aftermath, warnings):
    steps = read(list_steps(build_run(replace_instrument=replace), **aftermath))
    option = " --replace-instrument" if replace else ""
    assert steps[1:] == [
        (f"{warnings} First check what it would do, without writing anything:", f"{INGEST}{option} --dry-run"),
        ("If that is the intended result, load the file:", f"{INGEST}{option}"),
    ]


def test_of_many_later_runs_the_newest_five_are_named():
    later = [LaterRun(pk, f"{pk}.dbn", None) for pk in range(9, 3, -1)]
    text, _ = read(list_steps(build_run(), later=later))[1]
    assert "run 5 (5.dbn), and others. First" in text
    assert "run 4" not in text


def test_names_of_files_are_escaped():
    steps = list_steps(build_run(), later=[LaterRun(5, HOSTILE, None)])
    assert '<span class="file">&lt;script&gt;' in steps.steps[1].text
    assert "<script>" not in steps.steps[1].text


def test_withdrawn_bars_can_be_removed_unless_later_runs_changed_bars():
    run = build_run(withdrawn_count=3)
    removing = (
        "To remove the withdrawn bars, which can be undone, if no newer delivery of this range exists:",
        f"{INGEST} --remove-withdrawn",
    )
    assert read(list_steps(run))[1] == removing
    assert removing not in read(list_steps(run, later=[LaterRun(2, "later.dbn", None)]))
    assert removing not in read(list_steps(build_run(withdrawn_count=3, remove_withdrawn=True)))
    assert removing not in read(list_steps(build_run()))


def test_a_repetition_that_removes_withdrawn_bars_is_a_warning():
    [_, (text, command), _] = read(list_steps(build_run(withdrawn_count=3, remove_withdrawn=True)))
    assert "removes stored bars of the file’s range that the file does not have" in text
    assert command == f"{INGEST} --remove-withdrawn --dry-run"
