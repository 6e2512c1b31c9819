"""The options of an ingest, each listed once: its name on the command line, the run field that records it, its rule."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ingestion.errors import InputError
from ingestion.symbology.assign import check_symbol
from ingestion.symbology.series import default_dataset_name
from marketdata.command_line import format_option
from marketdata.models import IngestRun

MAX_DATASET = 200
_MAX_BIGINT = 2**63 - 1


def parse_not_empty(text: str) -> str:
    """For argparse. A shell variable that is not set gives an empty text, which is never intended."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text


def parse_whole_number(*, maximum: int) -> Callable[[str], int]:
    """For argparse: a whole number from 1 to `maximum`."""

    def parse(text: str) -> int:
        # Twenty digits are more than any maximum has. int() raises ValueError for more than 4,300.
        number = int(text.lstrip("0")[:20] or 0) if text.isdecimal() else 0
        if number < 1:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
        if number > maximum:
            limit = f": at most {maximum:,}" if maximum < _MAX_BIGINT else ""
            raise argparse.ArgumentTypeError(f"{text} is too large{limit}")
        return number

    return parse


@dataclass(frozen=True)
class Option:
    """One option: its name, the field of `IngestRun` that records it, and how argparse reads it; a switch without
    `parse`."""

    name: str
    run_field: str
    help: str
    parse: Callable[[str], object] | None = None
    metavar: str | None = None

    @property
    def dest(self) -> str:
        """The key of its value among a command's parsed options."""
        return self.name.removeprefix("--").replace("-", "_")

    def format(self, value: object) -> list[str]:
        """The words of a command line that give it this value."""
        return [self.name] if self.parse is None else format_option(self.name, value)


def _option(default: object, name: str, **how: Any) -> Any:
    return field(default=default, metadata={"option": Option(name, **how)})


@dataclass(frozen=True)
class IngestOptions:
    """What an ingest is asked to do with a file. An option at its default is not requested."""

    symbol: str = _option(
        "",
        "--symbol",
        run_field="requested_symbol",
        parse=parse_not_empty,
        help="name of the series; default: the file's own symbols",
    )
    dataset: str = _option(
        "",
        "--dataset",
        run_field="dataset",
        parse=str,
        help="name in the audit trail; default: mnq_ohlcv_1m for MNQ",
    )
    limit: int | None = _option(
        None,
        "--limit",
        run_field="row_limit",
        parse=parse_whole_number(maximum=_MAX_BIGINT),
        metavar="N",
        help="only the first N rows",
    )
    publisher_id: int | None = _option(
        None,
        "--publisher",
        run_field="publisher_id",
        parse=parse_whole_number(maximum=2**16 - 1),
        metavar="ID",
        help="only this publisher's rows",
    )
    replace_instrument: bool = _option(
        False,
        "--replace-instrument",
        run_field="replace_instrument",
        help="replace the instrument that the series is mapped to on the file's dates",
    )
    remove_withdrawn: bool = _option(
        False,
        "--remove-withdrawn",
        run_field="remove_withdrawn",
        help="remove stored bars of the file's range and instruments that the file does not have",
    )

    continue_symbol: bool = _option(
        False,
        "--continue-symbol",
        run_field="continue_symbol",
        help="a ticker that comes back after a pause is the same share",
    )

    @classmethod
    def listed(cls) -> Iterator[tuple[str, object, Option]]:
        """Each option's field name, default and `Option`, in the order of the command line."""
        return ((one.name, one.default, one.metadata["option"]) for one in fields(cls))

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the options to a command."""
        for _, _, option in cls.listed():
            if option.parse is None:
                parser.add_argument(option.name, action="store_true", help=option.help)
            else:
                parser.add_argument(option.name, type=option.parse, metavar=option.metavar, help=option.help)

    @classmethod
    def from_parsed(cls, parsed: Mapping[str, Any]) -> IngestOptions:
        """From a command's parsed options."""
        given = {name: parsed.get(option.dest) for name, _, option in cls.listed()}
        return cls(**{name: value for name, value in given.items() if value is not None})

    @classmethod
    def from_run(cls, run: IngestRun) -> IngestOptions:
        """What the run was asked to do. The dataset's name is left to the default where the run has the default."""
        values = {name: getattr(run, option.run_field) for name, _, option in cls.listed()}
        if run.dataset == default_dataset_name(run.symbols, run.vendor_dataset, run.schema):
            values["dataset"] = ""
        return cls(**values)

    def to_run_fields(self) -> dict[str, object]:
        """The fields of `IngestRun` that record the options."""
        return {option.run_field: getattr(self, name) for name, _, option in self.listed()}

    def to_arguments(self) -> list[str]:
        """The words of a command line that request the same, not yet quoted for a shell."""
        requested = ((getattr(self, name), default, option) for name, default, option in self.listed())
        return [word for value, default, option in requested if value != default for word in option.format(value)]


def check_options(path: Path, options: IngestOptions) -> None:
    """Raise `InputError` for options that contradict one another, or that a run cannot record."""
    if options.symbol:
        check_symbol(options.symbol)
    if len(options.dataset) > MAX_DATASET:
        raise InputError(
            f"--dataset has {len(options.dataset)} characters: at most {MAX_DATASET} can be stored.", path=path
        )
    if reason := find_contradiction(options):
        raise InputError(reason, path=path)
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{str(path)!r} is not a name in UTF-8, so it cannot be stored: rename the file.", path=path
        ) from error


def find_contradiction(options: IngestOptions) -> str:
    """Why these options cannot be given together, as a sentence; empty if they can."""
    if options.limit and options.replace_instrument:
        return (
            "--replace-instrument with --limit would remove the replaced instrument's bars on dates that the first "
            "rows do not fill: leave --limit out."
        )
    if options.limit and options.remove_withdrawn:
        return (
            "--remove-withdrawn with --limit would remove bars that the file has after its first rows: "
            "leave --limit out."
        )
    return ""
