"""Databases as earlier versions left them: all contracts of a raw symbol in one series, named by it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.db import connection, transaction

from config.testing.builders import at, bars, together, write
from ingestion.dbn.layout import NANOSECONDS_PER_MINUTE
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file
from ingestion.undo.pipeline import undo_run
from marketdata.models import IngestRun, Series, SeriesInstrument

# Its raw symbols name one contract each, so that the loader keeps them as they are.
_OTHER_DATASET = "IFEU.IMPACT"
GLOBEX = "GLBX.MDP3"
NQH2015, NQH2025, NQM2015, OTHER_NQH2025 = 50207, 42288528, 50300, 42289999  # instruments
WHOLE = date(2010, 1, 1), date(2030, 1, 1)

Mappings = Mapping[str, Sequence[tuple[date, date, int]]]


def contract_bars(instrument_id: int, day: date, *, first: int = 600, count: int = 3, base: int = 4_000) -> np.ndarray:
    """`count` bars of an instrument from minute `first` of a UTC date on. Values depend on the minute only."""
    records = bars(count, first=first, instrument_id=instrument_id, base=base)
    records["ts_event"] = [at(first, day=day) + number * NANOSECONDS_PER_MINUTE for number in range(count)]
    return records


def load(
    folder: Path, mappings: Mappings, *parts: np.ndarray, dataset: str = _OTHER_DATASET, **options: Any
) -> IngestRun:
    """Ingest the records as a file of the folder (0.dbn, 1.dbn, …) that maps these symbols."""
    path = folder / f"{len(list(folder.glob('*.dbn')))}.dbn"
    start, end = (at(0, day=day) for day in WHOLE)
    write(
        path,
        together(*parts),
        symbols=tuple(mappings),
        mappings=mappings,
        dataset=dataset,
        stype_in="raw_symbol",
        start=start,
        end=end,
    )
    return ingest_file(path=path, options=IngestOptions(**options)).run


def map_always(symbol: str, instrument_id: int) -> dict[str, list[tuple[date, date, int]]]:
    """A mapping of one symbol for all dates."""
    return {symbol: [(*WHOLE, instrument_id)]}


def age_database(dataset: str = GLOBEX) -> None:
    """Make what `load` stored look as if an earlier version had stored it from files of this dataset."""
    SeriesInstrument.objects.filter(dataset=_OTHER_DATASET, from_mapping=True).delete()
    SeriesInstrument.objects.filter(dataset=_OTHER_DATASET).update(dataset=dataset, raw_symbol="")
    IngestRun.objects.filter(vendor_dataset=_OTHER_DATASET).update(
        vendor_dataset=dataset, requested_symbols=[], requested_start=None, requested_end=None
    )
    Series.objects.filter(dataset=_OTHER_DATASET).update(dataset=dataset)
    migration = importlib.import_module("marketdata.migrations.0010_contracts")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(migration.DESCRIBE_SERIES)


def build_history(folder: Path) -> list[int]:
    """A history of NQH5 and NQM5 with corrections, a replaced instrument and an undone run. Returns the files' runs."""
    december = [date(2014, 12, 1) + timedelta(days=number) for number in range(3)]
    later = [date(2024, 12, 2) + timedelta(days=number) for number in range(4)]
    old = [contract_bars(NQH2015, day) for day in december]
    new = [contract_bars(NQH2025, day, base=21_000) for day in later]
    both = {"NQH5": [(WHOLE[0], date(2020, 1, 1), NQH2015), (date(2020, 1, 1), WHOLE[1], NQH2025)]}
    nqm5 = [contract_bars(NQM2015, day, base=4_100) for day in december]
    runs = [
        load(folder, map_always("NQH5", NQH2015) | map_always("NQM5", NQM2015), *old, *nqm5),
        load(folder, map_always("NQH5", NQH2025), *new),
        load(folder, both, _change(old[0], 0), _change(old[1], 1, 2), _change(new[0], 2)),
        load(
            folder,
            map_always("NQH5", OTHER_NQH2025),
            contract_bars(OTHER_NQH2025, later[1], first=601, count=4, base=21_500),
            replace_instrument=True,
        ),
        load(folder, map_always("NQH5", NQH2015), contract_bars(NQH2015, date(2015, 1, 5)), _change(old[2], 0)),
        load(folder, map_always("NQM5", NQM2015), _change(nqm5[0], 1), contract_bars(NQM2015, date(2015, 6, 1))),
    ]
    undo_run(run_id=runs[4].pk)
    age_database()
    return [run.pk for run in runs]


def _change(records: np.ndarray, *minutes: int) -> np.ndarray:
    changed = records.copy()
    changed["volume"][list(minutes)] += 7
    return changed
