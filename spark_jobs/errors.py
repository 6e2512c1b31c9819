"""Errors of the jobs. Each message is a sentence or two: what is wrong, where, and what to do."""

from __future__ import annotations

import re
from typing import Any

_FAILED_FILE = re.compile(r"(?:FAILED_READ_FILE|CANNOT_READ_FILE_FOOTER)[\s\S]*?(\w+:/\S+?\.(?:parquet|pq))")
_NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded")
_CODE = re.compile(r"^\[[\w.]+\] ")


class JobError(Exception):
    """The job cannot run, or has failed. It leaves no result."""


def explain(error: Exception) -> str:
    """A sentence for an error of Spark: its root cause, without the trace."""
    text = str(error)
    if found := _FAILED_FILE.search(text):
        return (
            f"{found[1]} is missing or damaged: if an export is replacing it, run the job again; otherwise run "
            "export_lake without --since-last."
        )
    if _NO_SPACE.search(text):
        return (
            "There is no space left for the result, or for Spark's temporary files: make some, and run the job again."
        )
    return f"Spark failed: {_find_cause(error)}. --log-level WARN shows more."


def _find_cause(error: Any) -> str:
    """The first line of the innermost message."""
    text, cause = str(error), getattr(error, "java_exception", None)
    while cause is not None:
        text = cause.getMessage() or cause.toString()
        cause = cause.getCause()
    first = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
    return _CODE.sub("", first).rstrip(".")
