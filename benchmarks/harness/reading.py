"""What the ways to read bars share: the query, and the measurement."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

SYMBOL = "CME_MINI:MNQ1!"
QUERY = f"""
SELECT symbol, ts, open, high, low, close, volume, ingestion_run_id AS run_id
FROM market_bars_ohlcv_1m WHERE symbol = '{SYMBOL}' ORDER BY ts
"""


def measure_export(export: Callable[[str, Path], None]) -> None:
    """Call `export` with the format and the file of the command line; print its elapsed and CPU time as JSON."""
    file_format, path = sys.argv[1:]
    started, cpu_before = time.perf_counter(), time.process_time()
    export(file_format, Path(path))
    times = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu_before}
    print(json.dumps(times))
