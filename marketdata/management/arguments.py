"""Types of command-line arguments that several commands share."""

from __future__ import annotations

import argparse
from datetime import datetime

from marketdata.timestamps import parse_timestamp


def parse_time(text: str) -> datetime:
    """For argparse: a UTC date, which is its midnight, or a time. Seconds are refused: bars begin on full minutes."""
    moment = parse_timestamp(text)
    if moment is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a UTC date or time such as 2026-10-05 or 2026-10-05T14:30")
    if moment.second or moment.microsecond:
        raise argparse.ArgumentTypeError(f"{text!r} is not a full minute")
    return moment


def add_range_arguments(parser: argparse.ArgumentParser, *, start: str, end: str) -> None:
    """Add `--start` and `--end`, with these defaults in their help."""
    parser.add_argument("--start", type=parse_time, metavar="D", help=f"UTC date or time; default: {start}")
    parser.add_argument("--end", type=parse_time, metavar="D", help=f"the same, not included; default: {end}")


def add_series_argument(parser: argparse.ArgumentParser, *, default: str) -> None:
    """Add `--series`, which takes one slug or several, and may be repeated."""
    parser.add_argument(
        "--series", nargs="+", action="extend", metavar="SLUG", help=f"slugs of series; default: {default}"
    )
