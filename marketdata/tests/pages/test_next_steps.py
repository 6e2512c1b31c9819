"""Command lines that the pages offer."""

from marketdata.command_line import manage
from marketdata.models import Series
from marketdata.pages.next_steps import build_ingest_command


def test_the_ingest_command_quotes_the_symbol():
    command = build_ingest_command(Series(symbol="CME_MINI:MNQ1!"))
    assert command == f"{manage()} ingest_dbn --input FILE --symbol 'CME_MINI:MNQ1!'"
