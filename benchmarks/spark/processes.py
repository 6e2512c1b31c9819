"""Runs a command with all its processes, and samples their memory."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

import psutil

from benchmarks.harness.scratch import ROOT

_INTERVAL = 0.2


class Measured(NamedTuple):
    """Seconds from start to end; the largest sum of the resident memory of all its processes; the rows it reports."""

    seconds: float
    peak_mib: float
    rows: int


def measure(command: Sequence[str], environment: dict[str, str]) -> Measured:
    """`SystemExit` with its messages if it fails."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started, peak = time.perf_counter(), 0
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdout=out, stderr=err)
        try:
            while process.poll() is None:
                peak = max(peak, _sum_memory(process.pid))
                time.sleep(_INTERVAL)
        finally:
            process.kill()
        seconds = time.perf_counter() - started
        printed = [_read_all(stream) for stream in (out, err)]
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{printed[0]}{printed[1]}")
    return Measured(seconds, peak / 2**20, int(printed[0].split()[0].replace(",", "")))


def _read_all(stream: IO[str]) -> str:
    stream.seek(0)
    return stream.read()


def _sum_memory(pid: int) -> int:
    total = 0
    with contextlib.suppress(psutil.Error):  # the process has ended
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += one.memory_info().rss
    return total


def make_spark_home(folder: Path, python: Path) -> dict[str, str]:
    """The environment for Spark, with a folder in which executors may write. `SystemExit` if it is not installed."""
    try:
        code = "import pyspark; print(pyspark.__path__[0])"
        found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        raise SystemExit("pyspark is not installed in .venv/spark: run make spark-bench.") from None
    for name in ("bin", "jars"):
        (folder / name).symlink_to(Path(found) / name)
    return {"SPARK_HOME": str(folder), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": str(folder)}
