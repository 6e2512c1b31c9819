"""Command lines that the pages offer, as they are typed in a shell."""

from __future__ import annotations

import shlex

from marketdata.command_line import format_option, manage
from marketdata.models import Series


def build_ingest_command(series: Series) -> str:
    """The command line that loads a file into the series, whatever the symbol in the file. Quoted for a shell."""
    return f"{manage()} ingest_dbn --input FILE {shlex.join(format_option('--symbol', series.symbol))}"
