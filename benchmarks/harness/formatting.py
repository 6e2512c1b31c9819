"""Formats the result of a benchmark, as text for the terminal and as Markdown for the README."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

_DIGITS = {"s": 2, "ms": 1, "MiB": 0, "count": 0}


def format_text(result: Mapping) -> str:
    """For the terminal: machine, caption, figures and checks in aligned columns."""
    return "\n".join(
        [
            format_machine(result["machine"]),
            "",
            format_caption(result),
            "",
            *_aligned(_figure_rows(result)),
            "",
            *_aligned(_check_rows(result)),
        ]
    )


def format_markdown(result: Mapping) -> str:
    """For the README: caption, figures and checks as tables."""
    return "\n".join(
        [format_caption(result), "", *_markdown(_figure_rows(result)), "", *_markdown(_check_rows(result))]
    )


def format_caption(result: Mapping) -> str:
    """Title, unit, sizes and load averages, in one line."""
    sizes = ", ".join(f"{name.replace('_', ' ')} {_listed(value)}" for name, value in result["sizes"].items())
    load = f"load average {result['load_before']} before, {result['load_after']} after"
    return f"{result['title']}, {result['unit']}: median (min – max). {sizes[:1].upper()}{sizes[1:]}; {load}."


def format_machine(machine: Mapping) -> str:
    """Hardware, versions and server settings, in one line."""
    return ", ".join(f"{name} {value}" for name, value in machine.items())


def format_cell(value: Sequence[float] | str | None, unit: str) -> str:
    """One cell: a median with its range, the reason for no figure, or a dash where nothing was measured."""
    if value is None or isinstance(value, str):
        return value or "–"
    median, minimum, maximum = (
        f"{number:,.{_DIGITS[unit]}f}" for number in (statistics.median(value), min(value), max(value))
    )
    return median if len(value) == 1 else f"{median} ({minimum} – {maximum})"


def _listed(value: int | Sequence[int]) -> str:
    return f"{value:,}" if isinstance(value, int) else " / ".join(f"{each:,}" for each in value)


def _figure_rows(result: Mapping) -> list[list[str]]:
    figures = result["figures"]
    columns = list(dict.fromkeys(column for cells in figures.values() for column in cells))
    rows = [
        [row, *(format_cell(cells.get(column), result["unit"]) for column in columns)] for row, cells in figures.items()
    ]
    return [["", *columns], *rows]


def _check_rows(result: Mapping) -> list[list[str]]:
    rows = [
        [name, f"{check['value']:.2f}", f"{check['target']} {check['verdict']}".strip()]
        for name, check in result["verdicts"].items()
    ]
    return [["check", "value", "target"], *rows]


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _markdown(rows: list[list[str]]) -> list[str]:
    head, *body = rows
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *body]
    return ["| " + " | ".join(line) + " |" for line in lines]
