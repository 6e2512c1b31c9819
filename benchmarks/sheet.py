"""What every benchmark ends with: a table, verdicts, and a JSON file from which the README's figures are made."""

from __future__ import annotations

import json
import operator
import os
import statistics
from pathlib import Path

from scratch import ROOT, machine

RESULTS = ROOT / "benchmarks" / "results"
_SENSES = {"<=": operator.le, ">=": operator.ge}


class Sheet:
    """The figures of one benchmark, each measured some times, in one unit. `full` says whether it has the sizes that
    are published: a smaller trial is printed, and does not replace a result."""

    def __init__(self, name: str, title: str, *, unit: str, full: bool, settings: dict) -> None:
        self._path = RESULTS / f"{name}.json"
        self._full = full
        self._result = {
            "title": title,
            "unit": unit,
            "settings": settings,
            "machine": machine(),
            "load_before": round(os.getloadavg()[0], 2),
            "figures": {},
            "verdicts": {},
        }

    def add(self, name: str, value: float) -> None:
        self._result["figures"].setdefault(name, []).append(round(value, 3))

    def median(self, name: str) -> float:
        return statistics.median(self._result["figures"][name])

    def hold_ratio(self, above: str, below: str, sense: str = "<=", target: float | None = None) -> None:
        self.hold(f"{above} / {below}", self.median(above) / self.median(below), sense, target)

    def hold(self, what: str, value: float, sense: str = "<=", target: float | None = None) -> None:
        """Say whether a figure is where it should be; without a target, only what it is."""
        self._result["verdicts"][what] = {
            "value": round(value, 3),
            "target": f"{sense} {target:g}" if target is not None else "",
            "reached": _SENSES[sense](value, target) if target is not None else None,
        }

    def finish(self) -> None:
        self._result["load_after"] = round(os.getloadavg()[0], 2)
        print(text_of(self._result))
        if not self._full:
            print(f"\nNot written to {self._path.relative_to(ROOT)}: smaller than what is published there.")
            return
        self._path.parent.mkdir(exist_ok=True)
        self._path.write_text(json.dumps(self._result, indent=2) + "\n")
        print(f"\nWritten to {self._path.relative_to(ROOT)}.")


def load(path: Path) -> dict:
    return json.loads(path.read_text())


def rows_of(result: dict) -> list[tuple[str, str, str]]:
    """Name, median, and least to most of each figure, as text."""
    digits = 1 if result["unit"] == "ms" else 0 if result["unit"] == "MiB" else 2
    return [
        (name, f"{statistics.median(taken):.{digits}f}", f"{min(taken):.{digits}f} – {max(taken):.{digits}f}")
        for name, taken in result["figures"].items()
    ]


def verdicts_of(result: dict) -> list[tuple[str, str, str]]:
    """What, its value, and whether it is where it should be, as text."""
    words = {True: "reached", False: "missed", None: ""}
    return [
        (what, f"{told['value']:.2f}", f"{told['target']} {words[told['reached']]}".strip())
        for what, told in result["verdicts"].items()
    ]


def text_of(result: dict) -> str:
    width = max(map(len, [*result["figures"], *result["verdicts"]]))
    lines = [
        ", ".join(f"{name} {value}" for name, value in result["machine"].items()),
        f"load average {result['load_before']} before, {result['load_after']} after",
        f"{result['title']} ({', '.join(f'{name} {value}' for name, value in result['settings'].items())})",
        "",
        f"{'':>{width}} {result['unit']:>9}  least – most",
        *(f"{name:>{width}} {median:>9}  {spread}" for name, median, spread in rows_of(result)),
        "",
        *(f"{what:>{width}} {value:>9}  {verdict}" for what, value, verdict in verdicts_of(result)),
    ]
    return "\n".join(line.rstrip() for line in lines)
