"""The child process: loads the files whose names arrive on standard input, and writes a line of JSON for each.

The memory of a file is the peak of the process's resident pages while it is loaded (VmHWM, which Linux resets on
request). An allocation of half a gigabyte more than at the start fails: it ends the process, not the machine.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

_MAX_GROWTH = 1 << 29  # bytes of address space


def main() -> None:
    import django

    django.setup()
    from django.db import connection

    connection.ensure_connection()
    _limit_address_space()
    for line in sys.stdin:
        request = json.loads(line)
        sys.stdout.write(json.dumps(_load(Path(request["path"]), request["symbol"])) + "\n")
        sys.stdout.flush()


def _load(path: Path, symbol: str) -> dict[str, Any]:
    from ingestion.errors import IngestError
    from ingestion.options import IngestOptions
    from ingestion.pipeline import ingest_file

    _reset_peak()
    started = time.perf_counter()
    answer: dict[str, Any] = {"error": None, "message": "", "refused": True}
    try:
        ingest_file(path=path, options=IngestOptions(symbol=symbol))
    except IngestError as error:
        answer |= {"error": type(error).__name__, "message": str(error)}
    except BaseException as error:
        answer |= {"error": type(error).__name__, "message": repr(error), "refused": False}
    return answer | {"seconds": time.perf_counter() - started, "memory": _read_peak()}


def _limit_address_space() -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _MAX_GROWTH, used + _MAX_GROWTH))


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _read_peak() -> int:
    """Bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
