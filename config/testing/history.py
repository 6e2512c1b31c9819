"""Histories of one series: files loaded one after another, and the table as it is between them."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from config.testing.builders import ingest, write
from marketdata.models import Bar, IngestRun

ADDRESS = "/api/market-data/mnq/ohlcv-1m/bars"


def ingest_records(path: Path, records: np.ndarray, **options: Any) -> IngestRun:
    """Write the records to a file that maps MNQ.c.0 to their instrument, ingest it, and return the run."""
    mappings = {"MNQ.c.0": [(date(2024, 1, 1), date(2024, 2, 1), int(records["instrument_id"][0]))]}
    ingest(write(path, records, mappings=mappings), **options)
    return IngestRun.objects.latest("pk")


def change_volumes(records: np.ndarray, *indexes: int, by: int = 7) -> np.ndarray:
    """A copy of the records, some of them with a larger volume."""
    copy = records.copy()
    copy["volume"][list(indexes)] += by
    return copy


def read_stored() -> list[tuple]:
    """The bars of the table now: times, exact values and run, in time order."""
    names = ("ts", "open", "high", "low", "close", "volume", "ingestion_run")
    rows: Iterable[tuple[Any, ...]] = Bar.objects.order_by("ts").values_list(*names)
    return [(ts, *map(Decimal, values)) for ts, *values in rows]


def parse_bar(bar: dict) -> tuple:
    """A bar of the API in the form of `read_stored`."""
    names = ("open", "high", "low", "close", "volume", "run_id")
    return (datetime.fromisoformat(bar["ts"]), *(Decimal(bar[name]) for name in names))
