"""The progress of a split."""

from __future__ import annotations

from ingestion.cli.moving_progress import MovingProgress
from ingestion.errors import SplitInterrupted


class SplitProgress(MovingProgress):
    """Counts the bars that have moved."""

    interruption = SplitInterrupted
