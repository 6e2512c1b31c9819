"""What the figures of `million_rows.py` are held against, and how they are told."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

Seconds = Mapping[str, Sequence[float]]

# (what takes longer, what it is compared with, at least or at most, what the project promises itself)
TARGETS = (
    ("naive fresh", "loader fresh", ">=", 8.0),
    ("naive re-run", "loader re-run", ">=", 12.0),
    ("loader fresh", "floor", "<=", 2.2),
    ("loader fresh, the run alone", "floor", "<=", 2.2),
)
MOST_MIB = 200
MEMORY_TOLERANCE = 0.10


def ratios(seconds: Seconds, own_seconds: Seconds) -> dict[str, dict]:
    """Each target's ratio of medians, and whether it is met."""
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    medians |= {f"{name}, the run alone": statistics.median(taken) for name, taken in own_seconds.items()}
    told = {}
    for above, below, sense, target in TARGETS:
        ratio = medians[above] / medians[below]
        reached = ratio >= target if sense == ">=" else ratio <= target
        verdict = f"{'reaches' if reached else 'short of'} {sense} {target}"
        if below == "floor" and ratio < 1:
            verdict = "not to be believed: nothing is faster than the floor, so something else used the machine"
        told[f"{above} / {below}"] = {"ratio": round(ratio, 2), "verdict": verdict}
    return told


def memory_verdicts(mib: Mapping[int, float]) -> dict[str, str]:
    """Whether the peak is small, and the same whatever the size of the file. `mib` is by rows, the first size first."""
    peaks = list(mib.values())
    reached = "reaches" if max(peaks) < MOST_MIB else "short of"
    told = {"highest peak": f"{max(peaks):.0f} MiB: {reached} < {MOST_MIB}"}
    if len(peaks) > 1:
        growth = peaks[-1] / peaks[0] - 1
        reached = "reaches" if abs(growth) <= MEMORY_TOLERANCE else "short of"
        told["growth"] = f"{growth:+.1%}: {reached} within ±{MEMORY_TOLERANCE:.0%}"
    return told


def print_result(result: dict) -> None:
    print(", ".join(f"{name} {value}" for name, value in result["machine"].items()))
    print(f"load average {result['load_before']} before, {result['load_after']} after (this benchmark adds 1 to 2)")
    print(f"{result['rows']:,} rows, rounds: {result['rounds']}; seconds are medians (least to most)\n")
    print(f"{'':>29} {'seconds':>24} {'rows/s':>12} {'peak MiB':>9}")
    for name, taken in result["seconds"].items():
        _print_line(name, taken, result["rows"], result["peak_mib"].get(name))
        if name in result["own_seconds"]:
            _print_line(f"{name}, the run alone", result["own_seconds"][name], result["rows"], None)
    print()
    for name, told in result["ratios"].items():
        print(f"{name:>37}: {told['ratio']:6.2f}  {told['verdict']}")
    for rows, mib in result["memory_mib"].items():
        print(f"{f'peak of loader fresh, {rows:,} rows':>37}: {mib:6.0f}  MiB")
    for name, told in result["memory"].items():
        print(f"{name:>37}: {told}")


def _print_line(name: str, taken: Sequence[float], rows: int, peak: float | None) -> None:
    median = statistics.median(taken)
    spread = f"{median:.2f} ({min(taken):.2f} to {max(taken):.2f})"
    print(f"{name:>29} {spread:>24} {rows / median:>12,.0f} {f'{peak:>9.0f}' if peak else ''}".rstrip())
