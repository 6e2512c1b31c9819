"""Compares the vendor's batch jobs with requests."""

from __future__ import annotations

from typing import Any

from ingestion.feeds.asks import Ask
from ingestion.feeds.values import parse_time


def is_job_for(job: Any, ask: Ask) -> bool:
    """Whether the vendor's batch job brings exactly what is requested, in one compressed DBN file."""
    if not isinstance(job, dict):
        return False
    stated = job.get("symbols")
    symbols = stated if isinstance(stated, list) else str(stated).split(",")
    same = (
        [str(symbol).strip().upper() for symbol in symbols] == [ask.symbol.strip().upper()]
        and parse_time(job.get("start")) == ask.start
        and parse_time(job.get("end")) == ask.end
        and not job.get("limit")
    )
    wanted = {
        "dataset": ask.dataset,
        "schema": ask.schema,
        "stype_in": ask.stype,
        "encoding": "dbn",
        "compression": "zstd",
        "split_duration": "none",
    }
    return same and all(str(job.get(name)).lower() == value.lower() for name, value in wanted.items())
