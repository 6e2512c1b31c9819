import re

import pytest

from benchmarks.figures import PLOT, README, compute_digest, fill_figures, is_plot_current
from benchmarks.harness.formatting import format_cell, format_markdown, format_text
from benchmarks.harness.result import load_results

RESULT = {
    "title": "Loading",
    "unit": "s",
    "sizes": {"rows": 1_000_000, "slow_rounds": 1},
    "load_before": 0.1,
    "load_after": 1.2,
    "machine": {"cpu": "Abacus", "cores": 2},
    "figures": {"loader": {"fresh": [3.0, 5.0, 4.0], "again": [2.5]}, "other": {"fresh": [60.0], "again": "cannot"}},
    "verdicts": {"other / loader (fresh)": {"value": 15.0, "target": ">= 14", "verdict": "reached"}},
}
MARKDOWN = """\
Loading, s: median (min – max). Rows 1,000,000, slow rounds 1; load average 0.1 before, 1.2 after.

|  | fresh | again |
| --- | --: | --: |
| loader | 4.00 (3.00 – 5.00) | 2.50 |
| other | 60.00 | cannot |

| check | value | target |
| --- | --: | --: |
| other / loader (fresh) | 15.00 | >= 14 reached |"""


def test_a_result_becomes_a_markdown_table():
    assert format_markdown(RESULT) == MARKDOWN


def test_a_result_becomes_columns_on_a_terminal():
    lines = format_text(RESULT).splitlines()
    assert lines[0] == "cpu Abacus, cores 2"
    assert "loader  4.00 (3.00 – 5.00)    2.50" in lines
    assert "other / loader (fresh)  15.00  >= 14 reached" in [line.strip() for line in lines]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "s", "–"),
        ([1.0, 1234.5], "ms", "617.8 (1.0 – 1,234.5)"),
        ([140.4], "MiB", "140"),
        ("no way", "s", "no way"),
    ],
)
def test_a_cell_has_digits_and_ranges_that_suit_its_value(value, unit, text):
    assert format_cell(value, unit) == text


def test_figures_replace_the_text_between_their_markers_only():
    end = "<!-- end of figures -->"
    text = f"before\n<!-- figures: load -->\nold 3.9\n{end}\nbetween\n<!-- figures: none -->\n{end}\n"
    once = fill_figures(text, {"load": RESULT})
    assert MARKDOWN in once
    assert "old 3.9" not in once
    assert once.startswith("before\n<!-- figures: load -->\n\nLoading")
    assert f"{end}\nbetween\n<!-- figures: none -->\n\nNot measured yet.\n" in once
    assert fill_figures(once, {"load": RESULT}) == once


def test_results_of_one_machine_share_a_line():
    text = "<!-- figures: machines -->\n<!-- end of figures -->"
    other = RESULT | {"machine": {"cpu": "Slide rule"}}
    filled = fill_figures(text, {"growth": RESULT, "jobs": RESULT, "reads": other})
    assert "- growth, jobs: cpu Abacus, cores 2.\n- reads: cpu Slide rule." in filled


def test_a_plot_is_current_for_the_results_it_was_drawn_from(tmp_path):
    plot = tmp_path / "overview.svg"
    assert not is_plot_current(plot, {"growth": RESULT})
    plot.write_text(f"<svg>{compute_digest({'growth': RESULT})}</svg>")
    assert is_plot_current(plot, {"growth": RESULT})
    assert not is_plot_current(plot, {"growth": RESULT | {"load_after": 1.3}})
    assert is_plot_current(plot, {"growth": RESULT, "load": RESULT}), "make load draws nothing"


def test_the_published_figures_are_those_of_the_results():
    results = load_results()
    text = README.read_text()
    assert fill_figures(text, results) == text, f"{README} differs: run benchmarks/figures.py"
    assert results
    assert is_plot_current(PLOT, results), "run benchmarks/harness/plot.py"


def test_every_result_has_its_table():
    marked = set(re.findall(r"<!-- figures: (\w+) -->", README.read_text()))
    assert marked == {"machines", *load_results()}
