"""The counts of other thresholds as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from marketdata.quality.backtest import Trial
from marketdata.quality.detectors.thresholds import UNITS


def format_trials(trials: Sequence[Trial]) -> str:
    """A line for each kind of a series: thresholds and counts, the present one in brackets."""
    lines = []
    for series, own in groupby(trials, key=lambda trial: trial.series):
        lines.append(f"{series.slug} ({series.symbol}): findings by threshold, [the present one]")
        for kind, tried in groupby(own, key=lambda trial: trial.kind):
            counts = "  ".join(map(_format_trial, tried))
            lines.append(f"  {kind:16}{counts}  ({UNITS[kind]})")
    return "\n".join(lines) or "There are no bars."


def _format_trial(trial: Trial) -> str:
    text = f"{trial.threshold:g}: {trial.count:,}"
    return f"[{text}]" if trial.is_current else text


def serialize_trials(trials: Sequence[Trial]) -> dict[str, object]:
    """The object that `--json` prints."""
    return {
        "trials": [
            {
                "series": trial.series.slug,
                "kind": trial.kind,
                "threshold": trial.threshold,
                "current": trial.is_current,
                "findings": trial.count,
            }
            for trial in trials
        ]
    }
