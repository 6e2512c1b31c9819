"""Command lines as they are typed on this machine."""

import pytest

from marketdata.command_line import format_option


@pytest.mark.parametrize(
    ("value", "words"), [(5, ["--x", "5"]), ("A B", ["--x", "A B"]), ("-X", ["--x=-X"]), (0, ["--x", "0"])]
)
def test_a_value_that_begins_with_a_dash_is_joined(value, words):
    assert format_option("--x", value) == words
