"""What every benchmark ends with: a table, verdicts, and a JSON file from which the README's figures are made."""

from __future__ import annotations

import argparse
import json
import operator
import os
import statistics
from pathlib import Path

from benchmarks.harness.as_text import text_of
from benchmarks.harness.scratch import ROOT, machine

RESULTS = ROOT / "benchmarks" / "results"
_SENSES = {"<=": operator.le, ">=": operator.ge}

Cell = tuple[str, str]  # row, column


class Sheet:
    """The figures of one benchmark, in rows and columns, each measured some times, in one unit.

    To be made before anything is measured, and finished within the scratch database: it notes the load average at both
    ends, and names the server."""

    def __init__(self, name: str, title: str, *, unit: str, options: argparse.Namespace) -> None:
        self._options = options
        self._path = (options.to or RESULTS) / f"{name}.json"
        self._figures: dict[str, dict[str, list[float] | str]] = {}
        self._verdicts: dict[str, dict] = {}
        self._head = {"title": title, "unit": unit, "sizes": options.sizes_of, "load_before": _load()}

    def add(self, row: str, column: str, value: float) -> None:
        self._figures.setdefault(row, {}).setdefault(column, []).append(round(value, 4))

    def cannot(self, row: str, column: str, why: str) -> None:
        """A cell that has no figure, and why."""
        self._figures.setdefault(row, {})[column] = why

    def median(self, row: str, column: str) -> float:
        return statistics.median(self._figures[row][column])

    def hold_ratio(
        self, above: Cell, below: Cell, sense: str = "<=", target: float | None = None, *, least: float | None = None
    ) -> None:
        """Hold one cell's median against another's."""
        self.hold(_ratio_in_words(above, below), self.median(*above) / self.median(*below), sense, target, least=least)

    def hold(
        self, what: str, value: float, sense: str = "<=", target: float | None = None, *, least: float | None = None
    ) -> None:
        """Say whether a figure is where it should be; without a target, only what it is. Below `least` it cannot be:
        something else was measured."""
        self._verdicts[what] = {
            "value": round(value, 3),
            "target": f"{sense} {target:g}" if target is not None else "",
            "verdict": _verdict(value, sense, target, least),
        }

    def finish(self) -> None:
        result = self._head | {"load_after": _load(), "machine": machine()}
        result |= {"figures": self._figures, "verdicts": self._verdicts}
        print(text_of(result))
        if not (self._options.full or self._options.to):
            print(f"\nNot written to {self._path.relative_to(ROOT)}: smaller than what is published there.")
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(result, indent=2) + "\n")
        print(f"\nWritten to {self._path}.")


def _ratio_in_words(above: Cell, below: Cell) -> str:
    """What the two cells share is said once."""
    if above[1] == below[1]:
        return f"{above[0]} / {below[0]} ({above[1]})"
    if above[0] == below[0]:
        return f"{above[1]} / {below[1]} ({above[0]})"
    return f"{above[0]} ({above[1]}) / {below[0]} ({below[1]})"


def _verdict(value: float, sense: str, target: float | None, least: float | None) -> str:
    if least is not None and value < least:
        return "not to be believed: something else used the machine"
    if target is None:
        return ""
    return "reached" if _SENSES[sense](value, target) else "missed"


def _load() -> float:
    return round(os.getloadavg()[0], 2)


def load_results(folder: Path = RESULTS) -> dict[str, dict]:
    """Every result in the folder, by the name of its benchmark."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
