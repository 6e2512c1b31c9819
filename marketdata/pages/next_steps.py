"""Command lines that the pages offer, as they are typed in a shell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from marketdata.command_line import format_option, manage
from marketdata.models import Series
from marketdata.runs.jobs import WORKER_COMMAND, Job, is_worker_running


def build_ingest_command(series: Series) -> str:
    """The command line that loads a file into the series, whatever the symbol in the file. Quoted for a shell."""
    return f"{manage()} ingest_dbn --input FILE {shlex.join(format_option('--symbol', series.symbol))}"


def find_worker_command(jobs: Sequence[Job]) -> str:
    """The command line that starts a worker, if one of the jobs waits and no worker is running; else empty."""
    is_needed = any(job.is_open for job in jobs) and not is_worker_running()
    return build_worker_command() if is_needed else ""


def build_worker_command() -> str:
    """The command line that starts a worker."""
    return f"{manage()} {WORKER_COMMAND}"
