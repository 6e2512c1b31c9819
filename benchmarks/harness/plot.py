"""Draws results/overview.svg. The same results give the same file, byte for byte.

    .venv/bin/python -m benchmarks.harness.plot [--results FOLDER]

White background and dark text, readable on light and dark pages. Text stays text, so that it can be searched.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams |= {"svg.hashsalt": "barkeep", "svg.fonttype": "none", "font.size": 8.5}

from matplotlib import pyplot  # noqa: E402

from benchmarks.figures import compute_digest  # noqa: E402
from benchmarks.harness.result import RESULTS, load_results  # noqa: E402
from benchmarks.million_rows import FLOOR, LOADER, SCENARIOS, WAYS  # noqa: E402

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BELOW = (  # result, its column, title
    ("growth", "append", "Appending a million bars, s"),
    ("memory", "fresh", "Peak memory of the loader, MiB"),
    ("reads", "request", "Requests at 10 million bars, ms"),
)
NEEDED = ("million_rows", *(name for name, _, _ in BELOW))
TEXT, FAINT = "#1f2328", "#59636e"
OWN, OTHER, LIMIT = "#0969da", "#c2a878", "#8c959f"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--results", type=Path, default=RESULTS, metavar="FOLDER", help="folder of the results; default: %(default)s"
    )
    folder = parser.parse_args().results
    results = load_results(folder)
    missing = [name for name in NEEDED if name not in results]
    if missing:
        sys.exit(f"Results are missing: {', '.join(missing)}. Run those benchmarks first.")
    draw(results, folder / "overview.svg")
    print(f"Written to {folder / 'overview.svg'}.")


def draw(results: Mapping[str, Mapping], path: Path) -> None:
    figure = pyplot.figure(figsize=(10, 5.4), facecolor="white")
    above, below = figure.subfigures(2, 1, height_ratios=(1.25, 1))
    above.suptitle(_head(results["million_rows"]), x=0.015, ha="left", color=TEXT, fontsize=10.5)
    _draw_ways(above.subplots(1, len(SCENARIOS), sharey=True), results["million_rows"])
    above.subplots_adjust(left=0.2, right=0.97, top=0.77, bottom=0.05, wspace=0.3)
    for left, (name, column, title) in zip((0.13, 0.44, 0.79), BELOW, strict=True):
        _draw_column(below.add_axes((left, 0.17, 0.17, 0.66)), results[name], column, title)
    figure.text(0.015, 0.02, _foot(results["million_rows"]["machine"]), color=FAINT, fontsize=7.5)
    description = f"Drawn by benchmarks/harness/plot.py from results {compute_digest(results)}"
    pyplot.savefig(path, format="svg", metadata={"Date": None, "Creator": None, "Description": description})
    pyplot.close(figure)


def _draw_ways(axes: Sequence[Axes], result: Mapping) -> None:
    """One panel per scenario, one bar per way, all on one scale."""
    ways = [FLOOR, LOADER, *reversed(WAYS)]
    medians = [[_median(result["figures"][way].get(scenario)) for way in ways] for scenario in SCENARIOS]
    largest = max(max(each) for each in medians)
    colors = [LIMIT, OWN, *[OTHER] * len(WAYS)]
    for panel, scenario, values in zip(axes, SCENARIOS, medians, strict=True):
        _bars(panel, ways, values, colors, largest, digits=1)
        panel.set_title(scenario, loc="left", color=TEXT, fontsize=9)
        for position, way in enumerate(ways):
            reason = result["figures"][way].get(scenario)
            if isinstance(reason, str):
                panel.text(0, position, reason, va="center", color=FAINT, fontsize=7)


def _draw_column(panel: Axes, result: Mapping, column: str, title: str) -> None:
    rows = [row for row, cells in result["figures"].items() if column in cells]
    values = [_median(result["figures"][row][column]) for row in rows]
    digits = 1 if result["unit"] == "s" else 0
    _bars(panel, rows, values, [OWN] * len(rows), max(values), digits=digits)
    panel.set_title(title, loc="left", color=TEXT, fontsize=9)


def _bars(
    panel: Axes, names: Sequence[str], values: Sequence[float], colors: Sequence[str], largest: float, *, digits: int
) -> None:
    """Horizontal bars from top to bottom, each with its value; no axes."""
    positions = range(len(names))
    panel.barh(positions, values, color=colors, height=0.66)
    for position, value in zip(positions, values, strict=True):
        if value:
            panel.text(value + largest * 0.025, position, f"{value:,.{digits}f}", va="center", color=TEXT)
    panel.set_yticks(positions, names)
    panel.set_xlim(0, largest * 1.22)
    panel.set_ylim(len(names) - 0.5, -0.5)
    panel.tick_params(left=False, bottom=False, labelbottom=False, labelcolor=TEXT)
    panel.spines[:].set_visible(False)


def _median(measured: Sequence[float] | str | None) -> float:
    """Zero, which draws nothing, where there is no figure."""
    return statistics.median(measured) if measured and not isinstance(measured, str) else 0.0


def _head(result: Mapping) -> str:
    return f"A file of {result['sizes']['rows']:,} bars into the table: seconds of the complete process"


def _foot(machine: Mapping) -> str:
    versions = f"PostgreSQL {machine['postgresql']}, Python {machine['python']}"
    return f"Medians. {machine['cpu']}, {machine['cores']} cores, {versions}."


if __name__ == "__main__":
    main()
