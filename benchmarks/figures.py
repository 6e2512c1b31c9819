"""Writes the figures of the results into benchmarks/README.md, so that no figure is copied by hand.

    .venv/bin/python -m benchmarks.figures [--check]

The tables of results/growth.json replace the text between `<!-- figures: growth -->` and `<!-- end of figures -->`.
`machines` lists the machines that the results were measured on. `--check` writes nothing. It exits with 1 if the README
or the plot differs from the results.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.harness.formatting import format_machine, format_markdown
from benchmarks.harness.result import RESULTS, load_results
from benchmarks.harness.scratch import ROOT

README = ROOT / "benchmarks" / "README.md"
PLOT = RESULTS / "overview.svg"
# Each has a command of its own, and the plot does not draw its result.
NOT_PLOTTED = {"live_latency", "load", "streams"}
_MARKED = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)
NOT_MEASURED = "Not measured yet."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 if the README or the plot is out of date"
    )
    check = parser.parse_args().check
    results = load_results()
    text = README.read_text()
    filled = fill_figures(text, results)
    if not check:
        README.write_text(filled)
        print(f"Written to {README.relative_to(ROOT)}.")
        return
    stale = [README] if filled != text else []
    if results and not is_plot_current(PLOT, results):
        stale.append(PLOT)
    if stale:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        sys.exit(f"Out of date: {names}. Run benchmarks/harness/plot.py, then benchmarks/figures.py.")


def fill_figures(text: str, results: Mapping[str, Mapping]) -> str:
    """Replace the text between each pair of markers by the tables of that result; the rest stays."""

    def fill(marked: re.Match) -> str:
        start, name, end = marked.groups()
        return f"{start}\n{_machines(results) if name == 'machines' else _tables(results.get(name))}\n\n{end}"

    return _MARKED.sub(fill, text)


def compute_digest(results: Mapping[str, Mapping]) -> str:
    """A SHA-256 of the results of `make bench-all`. The plot contains the one that it was drawn from."""
    plotted = {name: result for name, result in results.items() if name not in NOT_PLOTTED}
    return hashlib.sha256(json.dumps(plotted, sort_keys=True).encode()).hexdigest()


def is_plot_current(plot: Path, results: Mapping[str, Mapping]) -> bool:
    """True if the plot was drawn from these results."""
    return plot.exists() and compute_digest(results) in plot.read_text()


def _tables(result: Mapping | None) -> str:
    return format_markdown(result) if result else NOT_MEASURED


def _machines(results: Mapping[str, Mapping]) -> str:
    """One line for each machine and set of package versions."""
    names: dict[str, list[str]] = {}
    for name, result in results.items():
        names.setdefault(format_machine(result["machine"]), []).append(name)
    return "\n".join(f"- {', '.join(measured)}: {machine}." for machine, measured in names.items()) or NOT_MEASURED


if __name__ == "__main__":
    main()
