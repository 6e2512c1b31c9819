import json

import pytest

from benchmarks.harness.options import read_options
from benchmarks.harness.result import _format_ratio, _verdict, load_results


@pytest.mark.parametrize(
    ("value", "sense", "target", "least", "verdict"),
    [
        (1.25, "<=", 1.25, 1, "reached"),
        (1.26, "<=", 1.25, 1, "missed"),
        (14.0, ">=", 14, None, "reached"),
        (13.9, ">=", 14, None, "missed"),
        (13.9, ">=", None, None, ""),
        (0.9, "<=", 1.25, 1, "invalid: machine busy"),
    ],
)
def test_a_ratio_is_judged_by_its_target(value, sense, target, least, verdict):
    assert _verdict(value, sense, target, least) == verdict


def test_a_ratio_names_a_shared_row_or_column_once():
    assert _format_ratio(("loader", "fresh"), ("floor", "fresh")) == "loader / floor (fresh)"
    assert _format_ratio(("series", "1 job"), ("series", "2 jobs")) == "1 job / 2 jobs (series)"
    assert _format_ratio(("loader", "again"), ("floor", "fresh")) == "loader (again) / floor (fresh)"


@pytest.mark.parametrize(
    ("arguments", "full"),
    [
        ([], True),
        (["--rounds", "5"], True),
        (["--rounds", "2"], False),
        (["--sizes", "0", "10", "30", "40"], True),
        (["--sizes", "0", "30"], False),
    ],
)
def test_a_result_is_full_from_the_published_size_on(arguments, full):
    assert read_options(about="", arguments=arguments, rounds=3, sizes=[0, 10, 30]).full is full


@pytest.mark.parametrize("arguments", [["--rounds", "0"], ["--rounds", "-1"], ["--sizes", "x"]])
def test_sizes_are_integers(arguments, capsys):
    with pytest.raises(SystemExit):
        read_options(about="", arguments=arguments, rounds=3, sizes=[0])
    assert "is not an integer from" in capsys.readouterr().err


def test_results_are_found_by_name(tmp_path):
    (tmp_path / "growth.json").write_text(json.dumps({"unit": "s"}))
    assert load_results(tmp_path) == {"growth": {"unit": "s"}}
