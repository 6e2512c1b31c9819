"""Files and worker processes of parallel batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psutil

from config.testing.builders import bars, write
from config.testing.processes import Process


def write_contract(folder: Path, name: str, symbol: str, records: np.ndarray | None = None) -> Path:
    """A file of one series of its own, with 5 bars unless given others."""
    return write(folder / f"{name}.dbn", bars(5) if records is None else records, symbols=(symbol,), mappings={})


def list_workers(process: Process) -> list[psutil.Process]:
    """The worker processes of a command, in the order in which they were started."""
    children = psutil.Process(process.pid).children()
    return sorted(
        (child for child in children if "spawn_main" in " ".join(child.cmdline())),
        key=lambda child: (child.create_time(), child.pid),
    )
