"""The upsert against a plain dict: for any files in any order, table, counts and revisions equal the dict's."""

import itertools
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.testing.builders import MIDNIGHT, bars, ingest, together, write
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file, preview_file
from marketdata.models import Bar, BarRevision, IngestRun

JANUARY = (date(2024, 1, 1), date(2024, 2, 1))
SOLD = {"A": 1, "B": 2}  # instrument ids

# A file's content: for each of its (symbol, minute) a volume, and how often the row is repeated.
files = st.dictionaries(
    st.tuples(st.sampled_from(sorted(SOLD)), st.integers(0, 11)),
    st.tuples(st.integers(1, 3), st.sampled_from([1, 1, 1, 2, 3])),
    min_size=1,
)


@dataclass
class Model:
    """The obvious implementation."""

    volume: dict = field(default_factory=dict)
    run: dict = field(default_factory=dict)
    revisions: set = field(default_factory=set)

    def load(self, content: dict, run_id: int) -> dict[str, int]:
        counts = dict.fromkeys(("row", "inserted", "updated", "changed", "duplicate"), 0)
        for key, (volume, times) in content.items():
            counts["row"] += times
            counts["duplicate"] += times - 1
            if key not in self.volume:
                counts["inserted"] += 1
            else:
                counts["updated"] += 1
                if self.volume[key] == volume:
                    continue
                counts["changed"] += 1
                self.revisions.add((*key, self.volume[key], self.run[key], run_id))
            self.volume[key], self.run[key] = volume, run_id
        return counts


def records_of(content: dict) -> np.ndarray:
    parts = []
    for (symbol, minute), (volume, times) in content.items():
        record = bars(1, first=minute, instrument_id=SOLD[symbol])
        record["volume"] = volume
        parts += [record] * times
    return together(*parts)


def counts_of(run: IngestRun) -> dict[str, int]:
    return {name: getattr(run, f"{name}_count") for name in ("row", "inserted", "updated", "changed", "duplicate")}


example = itertools.count()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents=st.lists(files, min_size=1, max_size=5))
def test_any_sequence_of_files_is_as_a_dict_would_have_it(market_db, tmp_path_factory, contents):
    prefix = f"{next(example)} "  # series of its own
    mappings = {prefix + symbol: [(*JANUARY, number)] for symbol, number in SOLD.items()}
    folder, model = tmp_path_factory.mktemp("files"), Model()
    for number, content in enumerate(contents):
        path = folder / f"{number}.dbn"
        write(path, records_of(content), symbols=tuple(mappings), mappings=mappings, stype_in="raw_symbol")

        preview = preview_file(path=path)
        run = ingest_file(path=path).run

        assert counts_of(preview) == counts_of(run) == model.load(content, run.pk)

    bars_now = Bar.objects.filter(symbol__startswith=prefix)
    assert {key_of(bar, prefix): (bar.volume, bar.ingestion_run_id) for bar in bars_now} == {
        key: (model.volume[key], model.run[key]) for key in model.volume
    }
    assert model.revisions == {
        (*key_of(old, prefix), old.volume, old.ingestion_run_id, old.revised_by_id)
        for old in BarRevision.objects.filter(symbol__startswith=prefix)
    }


def key_of(bar: Bar | BarRevision, prefix: str) -> tuple[str, int]:
    return bar.symbol.removeprefix(prefix), (bar.ts - MIDNIGHT) // timedelta(minutes=1)


def test_a_file_denser_than_the_table_is_counted_exactly(market_db, tmp_path):
    ingest(write(tmp_path / "sparse.dbn", bars(100)[::3]))
    printed = ingest(write(tmp_path / "dense.dbn", bars(100)), json=True)

    [result] = printed.json["files"]
    assert (result["inserted"], result["updated"], result["changed"], result["identical"]) == (66, 34, 0, 34)


def test_a_file_sparser_than_the_table_is_counted_exactly(market_db, tmp_path):
    ingest(write(tmp_path / "dense.dbn", bars(100)))
    [result] = ingest(write(tmp_path / "sparse.dbn", bars(130)[::13]), json=True).json["files"]

    assert (result["inserted"], result["updated"], result["changed"]) == (2, 8, 0)


def test_rows_around_the_tables_gap_are_inserted_only_into_it(market_db, tmp_path):
    ingest(write(tmp_path / "ends.dbn", np.concatenate((bars(10), bars(10, first=90)))))
    [result] = ingest(write(tmp_path / "middle.dbn", bars(84, first=8)), json=True).json["files"]

    assert (result["inserted"], result["updated"]) == (80, 4)
    assert Bar.objects.count() == 100


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume"])
def test_a_difference_in_any_one_value_is_a_change(market_db, tmp_path, name):
    old, new = bars(2), bars(2)
    new[name][1] += -1 if name in ("low", "open") else 1
    ingest(write(tmp_path / "old.dbn", old))
    run = ingest_file(path=write(tmp_path / "new.dbn", new)).run

    assert (run.updated_count, run.changed_count) == (2, 1)


def test_the_first_rows_and_then_the_complete_file(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(10))

    part = ingest_file(path=path, options=IngestOptions(limit=4)).run
    complete = ingest_file(path=path).run

    assert (part.row_count, part.inserted_count, part.row_limit) == (4, 4, 4)
    assert part.file_sha256 == complete.file_sha256
    assert (complete.inserted_count, complete.updated_count) == (6, 4)
