import pytest

from benchmarks.figures import PLOT, READMES, digest_of, filled, plot_is_of
from benchmarks.harness.as_text import figure_text, markdown_of, text_of
from benchmarks.harness.sheet import load_results

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
Loading, s: median (least – most). Rows 1,000,000, slow rounds 1; load average 0.1 before, 1.2 after.

|  | fresh | again |
| --- | --: | --: |
| loader | 4.00 (3.00 – 5.00) | 2.50 |
| other | 60.00 | cannot |

| held against each other | value | target |
| --- | --: | --: |
| other / loader (fresh) | 15.00 | >= 14 reached |"""


def test_markdown():
    assert markdown_of(RESULT) == MARKDOWN


def test_the_terminal_tells_the_same_in_columns():
    lines = text_of(RESULT).splitlines()
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
def test_one_cell(value, unit, text):
    assert figure_text(value, unit) == text


def test_figures_replace_what_stands_between_their_markers_and_nothing_else():
    end = "<!-- end of figures -->"
    text = f"before\n<!-- figures: load -->\nold 3.9\n{end}\nbetween\n<!-- figures: none -->\n{end}\n"
    once = filled(text, {"load": RESULT})
    assert MARKDOWN in once
    assert "old 3.9" not in once
    assert once.startswith("before\n<!-- figures: load -->\n\nLoading")
    assert f"{end}\nbetween\n<!-- figures: none -->\n\nNot measured yet.\n" in once
    assert filled(once, {"load": RESULT}) == once


def test_results_of_one_machine_are_named_together():
    text = "<!-- figures: machines -->\n<!-- end of figures -->"
    other = RESULT | {"machine": {"cpu": "Slide rule"}}
    told = filled(text, {"growth": RESULT, "jobs": RESULT, "reads": other})
    assert "- growth, jobs: cpu Abacus, cores 2.\n- reads: cpu Slide rule." in told


def test_a_plot_is_of_the_results_it_was_drawn_from(tmp_path):
    plot = tmp_path / "overview.svg"
    assert not plot_is_of(plot, {"load": RESULT})
    plot.write_text(f"<svg>{digest_of({'load': RESULT})}</svg>")
    assert plot_is_of(plot, {"load": RESULT})
    assert not plot_is_of(plot, {"load": RESULT | {"load_after": 1.3}})


def test_the_published_figures_are_those_of_the_results():
    results = load_results()
    for path in READMES:
        text = path.read_text()
        assert filled(text, results) == text, f"{path} differs: run benchmarks/figures.py"
    assert not results or plot_is_of(PLOT, results), "run benchmarks/plot.py"
