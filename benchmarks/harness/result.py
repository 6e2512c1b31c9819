"""The result of a benchmark: a table of figures, checks against targets, and a JSON file for the README."""

from __future__ import annotations

import argparse
import json
import operator
import os
import statistics
from pathlib import Path
from typing import Any

from benchmarks.harness.formatting import format_text
from benchmarks.harness.scratch import ROOT, describe_machine

RESULTS = ROOT / "benchmarks" / "results"
_SENSES = {"<=": operator.le, ">=": operator.ge}

Cell = tuple[str, str]  # row, column


class BenchmarkResult:
    """The figures of one benchmark, in rows and columns, in one unit. A cell has one value per round.

    Create it before the first measurement: it records the load average then and in `finish`. Call `finish` within the
    scratch database, since it records the server's version and settings."""

    def __init__(self, name: str, title: str, *, unit: str, options: argparse.Namespace) -> None:
        self._options = options
        self._path = (options.to or RESULTS) / f"{name}.json"
        self._figures: dict[str, dict[str, Any]] = {}  # a list of values, or a reason
        self._verdicts: dict[str, dict] = {}
        self._head = {"title": title, "unit": unit, "sizes": options.sizes_by_name, "load_before": _load()}

    @property
    def names(self) -> list[str]:
        """The names of the rows."""
        return list(self._figures)

    def add(self, row: str, column: str, value: float) -> None:
        self._figures.setdefault(row, {}).setdefault(column, []).append(round(value, 4))

    def add_reason(self, row: str, column: str, reason: str) -> None:
        """Show a reason in a cell that can have no figure."""
        self._figures.setdefault(row, {})[column] = reason

    def median(self, row: str, column: str) -> float:
        values: list[float] = self._figures[row][column]
        return statistics.median(values)

    def check_ratio(
        self, above: Cell, below: Cell, sense: str = "<=", target: float | None = None, *, least: float | None = None
    ) -> None:
        """Check the ratio of two cells' medians; see `check`."""
        self.check(_format_ratio(above, below), self.median(*above) / self.median(*below), sense, target, least=least)

    def check(
        self, name: str, value: float, sense: str = "<=", target: float | None = None, *, least: float | None = None
    ) -> None:
        """Compare a figure with a target; without one, only record it. A figure below `least` is impossible on an idle
        machine, so the verdict then calls it invalid."""
        self._verdicts[name] = {
            "value": round(value, 3),
            "target": f"{sense} {target:g}" if target is not None else "",
            "verdict": _verdict(value, sense, target, least),
        }

    @property
    def missed(self) -> list[str]:
        """The checks whose target was missed."""
        return [name for name, check in self._verdicts.items() if check["verdict"] == "missed"]

    def finish(self) -> None:
        result = self._head | {"load_after": _load(), "machine": describe_machine()}
        result |= {"figures": self._figures, "verdicts": self._verdicts}
        print(format_text(result))
        if not (self._options.full or self._options.to):
            print(f"\nNot written to {self._path.relative_to(ROOT)}: smaller than the published sizes.")
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(result, indent=2) + "\n")
        print(f"\nWritten to {self._path}.")


def _format_ratio(above: Cell, below: Cell) -> str:
    """Name the two cells; a row or column that they share appears once."""
    if above[1] == below[1]:
        return f"{above[0]} / {below[0]} ({above[1]})"
    if above[0] == below[0]:
        return f"{above[1]} / {below[1]} ({above[0]})"
    return f"{above[0]} ({above[1]}) / {below[0]} ({below[1]})"


def _verdict(value: float, sense: str, target: float | None, least: float | None) -> str:
    if least is not None and value < least:
        return "invalid: machine busy"
    if target is None:
        return ""
    return "reached" if _SENSES[sense](value, target) else "missed"


def _load() -> float:
    return round(os.getloadavg()[0], 2)


def load_results(folder: Path = RESULTS) -> dict[str, dict]:
    """All results in the folder, by the name of the benchmark."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
