"""Command lines that the pages offer, as they are typed in a shell."""

from __future__ import annotations

import shlex

from marketdata.command_line import manage
from marketdata.models import Series


def build_ingest_command(series: Series) -> str:
    """The command line that loads a file into the series, whatever the symbol in the file. Quoted for a shell."""
    return f"{manage()} ingest_dbn --input FILE {shlex.join(format_option('--symbol', series.symbol))}"


def format_option(name: str, value: str | int | None) -> list[str]:
    """The arguments of one option; none for an empty value. A value with a leading dash is joined with `=`, because
    argparse would read it as an option."""
    if value in ("", None):
        return []
    text = str(value)
    return [f"{name}={text}"] if text.startswith("-") else [name, text]
