"""A benchmark's result as text: for the terminal, and as Markdown for the README."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

_DIGITS = {"s": 2, "ms": 1, "MiB": 0}


def text_of(result: Mapping) -> str:
    """For the terminal."""
    return "\n".join(
        [
            machine_in_words(result["machine"]),
            "",
            caption(result),
            "",
            *_aligned(_figure_rows(result)),
            "",
            *_aligned(_verdict_rows(result)),
        ]
    )


def markdown_of(result: Mapping) -> str:
    """For the README."""
    return "\n".join([caption(result), "", *_markdown(_figure_rows(result)), "", *_markdown(_verdict_rows(result))])


def caption(result: Mapping) -> str:
    """What the figures are, and how they were come by."""
    sizes = ", ".join(f"{name.replace('_', ' ')} {_listed(value)}" for name, value in result["sizes"].items())
    load = f"load average {result['load_before']} before, {result['load_after']} after"
    return f"{result['title']}, {result['unit']}: median (least – most). {sizes[:1].upper()}{sizes[1:]}; {load}."


def machine_in_words(machine: Mapping) -> str:
    return ", ".join(f"{name} {value}" for name, value in machine.items())


def figure_text(value: Sequence[float] | str | None, unit: str) -> str:
    """One cell: a median with its spread, why there can be none, or a dash where nothing was measured."""
    if value is None or isinstance(value, str):
        return value or "–"
    median, least, most = (
        f"{number:,.{_DIGITS[unit]}f}" for number in (statistics.median(value), min(value), max(value))
    )
    return median if len(value) == 1 else f"{median} ({least} – {most})"


def _listed(value: int | Sequence[int]) -> str:
    return f"{value:,}" if isinstance(value, int) else " / ".join(f"{each:,}" for each in value)


def _figure_rows(result: Mapping) -> list[list[str]]:
    figures = result["figures"]
    columns = list(dict.fromkeys(column for cells in figures.values() for column in cells))
    rows = [
        [row, *(figure_text(cells.get(column), result["unit"]) for column in columns)] for row, cells in figures.items()
    ]
    return [["", *columns], *rows]


def _verdict_rows(result: Mapping) -> list[list[str]]:
    rows = [
        [what, f"{told['value']:.2f}", f"{told['target']} {told['verdict']}".strip()]
        for what, told in result["verdicts"].items()
    ]
    return [["held against each other", "value", "target"], *rows]


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _markdown(rows: list[list[str]]) -> list[str]:
    head, *body = rows
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *body]
    return ["| " + " | ".join(line) + " |" for line in lines]
