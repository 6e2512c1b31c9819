"""The bars of hours or days of a file, by the series whose minute bars are of the same contract."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np

from ingestion.dbn.layout import NANOSECONDS_PER_DAY
from ingestion.dbn.metadata import DbnMetadata
from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from ingestion.errors import WrongContent, refuse_failures
from marketdata.models import Series, SeriesInstrument

HOURS, DAYS = "ohlcv-1h", "ohlcv-1d"
LENGTHS = {HOURS: NANOSECONDS_PER_DAY // 24, DAYS: NANOSECONDS_PER_DAY}
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Periods:
    """Bars of `schema` of one series in time order, as DBN records. Days are UTC days."""

    series: Series
    schema: str
    records: np.ndarray

    @property
    def length(self) -> int:
        """Nanoseconds of each."""
        return LENGTHS[self.schema]


def read_periods(path: Path) -> list[Periods]:
    """The bars of the file by series, by slug. Raises an `IngestError` for a file that cannot be read, is of another
    schema, or is of no stored series."""
    with refuse_failures(path), SourceFile(path) as source:
        reader = RecordReader(source, (HOURS, DAYS))
        batches = [batch.records for batch in reader.read_batches()]
        source.finish()
    records = np.concatenate(batches) if batches else np.empty(0, reader.metadata.record)
    records = records[np.argsort(records["ts_event"], kind="stable")]
    found = _find_series(reader.metadata, records)
    if not found:
        raise WrongContent(
            f"{path} has no bars of a contract of which minute bars are stored: load the minutes first.", path=path
        )
    return [Periods(series, reader.metadata.schema, records[rows]) for series, rows in found]


def _find_series(metadata: DbnMetadata, records: np.ndarray) -> list[tuple[Series, np.ndarray]]:
    """For each series the rows of its contracts, on the dates on which it was mapped to them."""
    days = (records["ts_event"] // NANOSECONDS_PER_DAY).astype(np.int64)
    masks: dict[int, np.ndarray] = defaultdict(lambda: np.zeros(len(records), bool))
    instruments = np.unique(records["instrument_id"]).tolist()
    stored = SeriesInstrument.current.filter(dataset=metadata.dataset, instrument_id__in=instruments)
    columns = ("series_id", "instrument_id", "publisher_id", "start_date", "end_date")
    for series, instrument, publisher, start, end in stored.values_list(*columns):
        masks[series] |= (
            (records["instrument_id"] == instrument)
            & (records["publisher_id"] == publisher)
            & (days >= (start - _EPOCH).days)
            & (days < (end - _EPOCH).days)
        )
    series_by_pk = Series.objects.in_bulk(masks)
    found = [(series_by_pk[pk], np.flatnonzero(mask)) for pk, mask in masks.items() if mask.any()]
    return sorted(found, key=lambda pair: pair[0].slug)


def to_datetime(ns: int) -> datetime:
    """The UTC time of full seconds."""
    return datetime.fromtimestamp(ns // 10**9, UTC)
