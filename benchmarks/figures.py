"""Writes the figures of the results into the README's, between their markers, so that no figure is copied by hand.

    .venv/bin/python -m benchmarks.figures [--check]

A line `<!-- figures: growth -->` is followed by the tables of results/growth.json, up to `<!-- end of figures -->`;
`machines` names what all results were measured on. `--check` writes nothing, and fails if a README says anything else,
or if the plot was drawn from other results.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.harness.as_text import machine_in_words, markdown_of
from benchmarks.harness.scratch import ROOT
from benchmarks.harness.sheet import RESULTS, load_results

READMES = (ROOT / "benchmarks" / "README.md", ROOT / "README.md")
PLOT = RESULTS / "overview.svg"
_PLACE = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)
NOT_MEASURED = "Not measured yet."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 if something is not up to date"
    )
    check = parser.parse_args().check
    results = load_results()
    stale = [path for path in READMES if filled(path.read_text(), results) != path.read_text()]
    if not check:
        for path in stale:
            path.write_text(filled(path.read_text(), results))
            print(f"Written to {path.relative_to(ROOT)}.")
        return
    if results and not plot_is_of(PLOT, results):
        stale.append(PLOT)
    if stale:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        sys.exit(f"Not of the results as they are: {names}. Run benchmarks/plot.py and benchmarks/figures.py.")


def filled(text: str, results: Mapping[str, Mapping]) -> str:
    """The text with what is between its markers made from the results."""

    def figures_of(place: re.Match) -> str:
        start, name, end = place.groups()
        return f"{start}\n{_machines(results) if name == 'machines' else _tables(results.get(name))}\n\n{end}"

    return _PLACE.sub(figures_of, text)


def digest_of(results: Mapping[str, Mapping]) -> str:
    """Tells one set of results from another: the plot carries it."""
    return hashlib.sha256(json.dumps(results, sort_keys=True).encode()).hexdigest()


def plot_is_of(plot: Path, results: Mapping[str, Mapping]) -> bool:
    return plot.exists() and digest_of(results) in plot.read_text()


def _tables(result: Mapping | None) -> str:
    return markdown_of(result) if result else NOT_MEASURED


def _machines(results: Mapping[str, Mapping]) -> str:
    """One line for each machine, or state of its packages, that results were taken on."""
    names: dict[str, list[str]] = {}
    for name, result in results.items():
        names.setdefault(machine_in_words(result["machine"]), []).append(name)
    return "\n".join(f"- {', '.join(taken)}: {machine}." for machine, taken in names.items()) or NOT_MEASURED


if __name__ == "__main__":
    main()
