"""Command lines that the pages offer."""

import pytest

from marketdata.command_line import manage
from marketdata.models import Series
from marketdata.pages.next_steps import build_ingest_command, format_option


def test_the_ingest_command_quotes_the_symbol():
    command = build_ingest_command(Series(symbol="CME_MINI:MNQ1!"))
    assert command == f"{manage()} ingest_dbn --input FILE --symbol 'CME_MINI:MNQ1!'"


@pytest.mark.parametrize(
    ("value", "arguments"),
    [("", []), (None, []), (5, ["--x", "5"]), ("A B", ["--x", "A B"]), ("-X", ["--x=-X"]), (0, ["--x", "0"])],
)
def test_an_option_is_omitted_if_empty_and_joined_if_its_value_begins_with_a_dash(value, arguments):
    assert format_option("--x", value) == arguments
