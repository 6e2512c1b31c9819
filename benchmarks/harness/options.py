"""The options that every benchmark has: how much it measures, and where a trial may leave its result."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path


def read_options(
    *, about: str, arguments: Sequence[str] | None = None, **published: int | list[int]
) -> argparse.Namespace:
    """The sizes to measure, each with that of the published result as its default; and `full`: none is smaller, so that
    the result may replace the published one."""
    parser = argparse.ArgumentParser(description=about.split("\n\n")[0])
    for name, value in published.items():
        kind = (
            {"type": _whole_number(least=0), "nargs": "+"}
            if isinstance(value, list)
            else {"type": _whole_number(least=1)}
        )
        parser.add_argument(f"--{name.replace('_', '-')}", default=value, **kind)
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="write the result there, whatever its size")
    options = parser.parse_args(arguments)
    options.sizes_of = {name: getattr(options, name) for name in published}
    options.full = all(_covers(options.sizes_of[name], value) for name, value in published.items())
    return options


def _covers(given: int | list[int], published: int | list[int]) -> bool:
    return set(published) <= set(given) if isinstance(published, list) else given >= published


def _whole_number(*, least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
        return int(text)

    return parse
