import json

import pytest

from benchmarks.harness.options import read_options
from benchmarks.harness.sheet import _ratio_in_words, _verdict, load_results


@pytest.mark.parametrize(
    ("value", "sense", "target", "least", "verdict"),
    [
        (1.25, "<=", 1.25, 1, "reached"),
        (1.26, "<=", 1.25, 1, "missed"),
        (14.0, ">=", 14, None, "reached"),
        (13.9, ">=", 14, None, "missed"),
        (13.9, ">=", None, None, ""),
        (0.9, "<=", 1.25, 1, "not to be believed: something else used the machine"),
    ],
)
def test_verdict(value, sense, target, least, verdict):
    assert _verdict(value, sense, target, least) == verdict


def test_a_ratio_names_what_its_cells_share_once():
    assert _ratio_in_words(("loader", "fresh"), ("floor", "fresh")) == "loader / floor (fresh)"
    assert _ratio_in_words(("series", "1 job"), ("series", "2 jobs")) == "1 job / 2 jobs (series)"
    assert _ratio_in_words(("loader", "again"), ("floor", "fresh")) == "loader (again) / floor (fresh)"


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
def test_only_a_result_of_the_published_size_is_full(arguments, full):
    assert read_options(about="", arguments=arguments, rounds=3, sizes=[0, 10, 30]).full is full


@pytest.mark.parametrize("arguments", [["--rounds", "0"], ["--rounds", "-1"], ["--sizes", "x"]])
def test_sizes_are_whole_numbers(arguments, capsys):
    with pytest.raises(SystemExit):
        read_options(about="", arguments=arguments, rounds=3, sizes=[0])
    assert "is not a whole number from" in capsys.readouterr().err


def test_results_are_found_by_name(tmp_path):
    (tmp_path / "growth.json").write_text(json.dumps({"unit": "s"}))
    assert load_results(tmp_path) == {"growth": {"unit": "s"}}
