"""How many faults the detectors find, and how many findings are false, in any clean file.

    .venv/bin/python -m benchmarks.quality [FILE …] [--seed N …] [--calendar NAME] [--verbose] [--to FILE]

It puts faults of every kind into clean bars, with a seed, and prints the recall of each kind, the false findings per
series-month, the seconds per million bars, and the peak memory. Without a file it generates bars. It reads DBN and CSV
files, and needs no database.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

if not __package__:  # started as a file, not with -m
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.faults.files import CleanSeries, make_series, read_series
from benchmarks.faults.generator import MARKETS, generate_bars
from benchmarks.faults.inject import FAULTS, inject_faults
from benchmarks.faults.scoring import MONTH, Detector, Score, compare, run_detectors
from marketdata.quality.detectors import DETECTORS
from marketdata.quality.detectors.model import DAY, Detected

YEAR = 365.25 * DAY
MIN_BARS_PER_YEAR = 30_000


def main() -> None:
    options = _read_options()
    detectors = [
        each for each in DETECTORS if not options.kinds or each.__name__.removeprefix("find_") in options.kinds
    ]
    total = Totals()
    for seed in options.seed:
        series = (
            _read(options.files, options.calendar, options.min_bars) if options.files else _generate(seed, options.days)
        )
        for one in series:
            measure_series(one, seed, detectors, total, names=options.faults, verbose=options.verbose)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    summary = f"{total.format()}\nPeak memory: {peak:,.0f} MiB"
    print(summary)
    if options.to:
        options.to.parent.mkdir(parents=True, exist_ok=True)
        options.to.write_text(summary.lstrip("\n") + "\n")
        print(f"\nWritten to {options.to}.")


class Totals:
    """Sums over series and seeds."""

    def __init__(self) -> None:
        self.injected: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.false: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
        self.months: dict[bool, float] = {True: 0.0, False: 0.0}
        self.seconds, self.bars = 0.0, 0

    def add(self, series: CleanSeries, clean: Score, faulty: Score) -> None:
        is_front = series.context.is_front
        self.injected.update(faulty.injected)
        self.found.update(faulty.found)
        # The clean file and the one with faults are two measurements of the same months.
        self.false[is_front].update(clean.false)
        self.false[is_front].update(faulty.false)
        self.months[is_front] += 2 * int(series.bars.ts[-1] - series.bars.ts[0]) / MONTH

    def format(self) -> str:
        lines = ["", f"{'fault':34}{'found':>7}{'of':>7}{'recall':>9}"]
        for name, count in sorted(self.injected.items()):
            lines.append(f"{name:34}{self.found[name]:7}{count:7}{self.found[name] / count:9.1%}")
        for is_front, label in ((True, "front"), (False, "back")):
            if months := self.months[is_front]:
                kinds = ", ".join(f"{kind} {count}" for kind, count in self.false[is_front].most_common())
                rate = self.false[is_front].total() / months
                lines.append(
                    f"False findings per {label} series-month: {rate:.2f} ({months:.0f} months; {kinds or 'none'})"
                )
        lines.append(f"Seconds per million bars: {self.seconds / max(self.bars, 1) * 1e6:.2f}")
        return "\n".join(lines)


def measure_series(
    series: CleanSeries,
    seed: int,
    detectors: Sequence[Detector],
    total: Totals,
    *,
    names: list[str] | None = None,
    verbose: bool = False,
) -> tuple[Score, Score]:
    """Add what the detectors find in the clean bars of a series, and in the bars with faults, to the totals."""
    started = time.process_time()
    clean = compare(run_detectors(series.bars, series.context, detectors), [])
    total.seconds += time.process_time() - started
    total.bars += len(series.bars)
    # A thin series gets fewer faults: where most bars are faulty, nothing shows what is usual.
    years = min(int(series.bars.ts[-1] - series.bars.ts[0]) / YEAR, len(series.bars) / MIN_BARS_PER_YEAR)
    tick = series.context.tick
    bars, faults = inject_faults(series.bars, series.sessions, tick=tick, seed=seed, share=years, names=names)
    context = replace(series.context, life=[(int(bars.ts[0]), int(bars.ts[-1]) + 60 * 10**9)])
    faulty = compare(run_detectors(bars, context, detectors), faults)
    total.add(series, clean, faulty)
    print(
        f"{series.name}, seed {seed}: {len(bars):,} bars, {len(faulty.missed)} of {len(faults)} faults missed, "
        f"{len(clean.false_findings)} false findings in the clean bars, {len(faulty.false_findings)} beside faults"
    )
    if verbose:
        for fault in faulty.missed:
            print(f"  missed {fault.name} at {_format_time(fault.start)}")
        _print_findings("clean", clean.false_findings)
        _print_findings("beside", faulty.false_findings)
    return clean, faulty


def _print_findings(label: str, findings: Iterable[Detected]) -> None:
    for one in findings:
        print(f"  {label} {_format_time(one.start_ns)} {one.kind} {one.value:.1f} {one.text}")


def _format_time(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%d %H:%M}"


def _read(files: Iterable[Path], calendar: str | None, min_bars: int) -> Iterable[CleanSeries]:
    for path in files:
        yield from read_series(path, calendar=calendar, min_bars=min_bars)


def _generate(seed: int, days: int) -> Iterable[CleanSeries]:
    for number, (name, market) in enumerate(MARKETS.items()):
        bars, _ = generate_bars(market, date(2021, 1, 4), days, seed=seed + number)
        yield make_series(name, bars, calendar=market.calendar)


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="clean DBN or CSV files")
    parser.add_argument("--seed", type=int, nargs="+", default=[1], help="one or more; default: 1")
    parser.add_argument("--calendar", help="name of the trading calendar; default: that of the product")
    parser.add_argument("--days", type=int, default=180, help="of generated bars; default: %(default)s")
    parser.add_argument("--min-bars", type=int, default=1000, help="ignore series with fewer; default: %(default)s")
    parser.add_argument("--faults", nargs="+", choices=list(FAULTS), metavar="FAULT", help="only these faults")
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help="run only these detectors")
    parser.add_argument("--to", type=Path, metavar="FILE", help="write the summary to this file, too")
    parser.add_argument("--verbose", action="store_true", help="list missed faults and false findings")
    return parser.parse_args()


if __name__ == "__main__":
    main()
