"""The options that all benchmarks share: the sizes to measure, and a folder for the result."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path


def read_options(
    *, about: str, arguments: Sequence[str] | None = None, **published: int | list[int]
) -> argparse.Namespace:
    """Read the sizes to measure; the defaults are the `published` ones.

    `options.sizes_by_name` holds them. `options.full` is true if none is smaller than published, so that the result may
    replace the published one."""
    parser = argparse.ArgumentParser(description=about.split("\n\n")[0])
    for name, value in published.items():
        kind = (
            {"type": _parse_integer(least=0), "nargs": "+"}
            if isinstance(value, list)
            else {"type": _parse_integer(least=1)}
        )
        parser.add_argument(f"--{name.replace('_', '-')}", default=value, **kind)
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="write the result to this folder, whatever its sizes")
    options = parser.parse_args(arguments)
    options.sizes_by_name = {name: getattr(options, name) for name in published}
    options.full = all(_covers(options.sizes_by_name[name], value) for name, value in published.items())
    return options


def _covers(given: int | list[int], published: int | list[int]) -> bool:
    if isinstance(given, list) and isinstance(published, list):
        return set(published) <= set(given)
    return isinstance(given, int) and isinstance(published, int) and given >= published


def _parse_integer(*, least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not an integer from {least} on")
        return int(text)

    return parse
