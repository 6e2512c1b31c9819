"""What somebody asks of an ingest, and what cannot be asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingestion.errors import InputError
from ingestion.symbology.assign import check_symbol

MAX_DATASET = 200


@dataclass(frozen=True)
class IngestOptions:
    """How a file is taken. `symbol` and `dataset`: empty for the rule in name_symbols and `<slug>_<schema>`."""

    symbol: str = ""
    dataset: str = ""
    limit: int | None = None
    publisher_id: int | None = None
    replace_instrument: bool = False


def check_options(path: Path, options: IngestOptions) -> None:
    """Raise `InputError` for what could not be done, or not be written down."""
    if options.symbol:
        check_symbol(options.symbol)
    if len(options.dataset) > MAX_DATASET:
        raise InputError(f"--dataset has {len(options.dataset)} characters: at most {MAX_DATASET} can be stored.")
    if options.replace_instrument and options.limit:
        raise InputError(
            "--replace-instrument with --limit would remove the other instrument's bars from days that the first rows "
            "do not fill: leave --limit out."
        )
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{str(path)!r} is not a name in UTF-8, so it cannot be stored: rename the file.") from error
