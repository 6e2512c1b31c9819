"""Splits beside loads and undos: what is loaded before and after them, and what a load settles itself."""

import io
from datetime import UTC, date, datetime

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from config.testing.builders import ingest, undo_run, write
from config.testing.contracts import minutes_of, write_definitions
from config.testing.rollup import assert_rollup_matches
from marketdata.bars.as_of import read_bar_page_as_of
from marketdata.models import Bar, BarRevision, IngestRun, Series, SeriesInstrument
from marketdata.rollup.verify import verify_candles

OLD, NEW = 50207, 42288528
OLD_DAY, NEW_DAY = date(2014, 12, 1), date(2024, 12, 2)


def split(*slugs: str, **options) -> str:
    out = io.StringIO()
    call_command("split_contracts", series=list(slugs), stdout=out, **options)
    return out.getvalue()


def state() -> list:
    """Everything that a split and its undo must not lose, by contract or not."""
    columns = ("symbol", "ts", "open", "close", "volume", "ingestion_run_id", "created_at")
    revisions = ("symbol", "ts", "volume", "ingestion_run_id", "revised_by_id", "operation", "created_at")
    instruments = ("series__symbol", "instrument_id", "start_date", "end_date", "run_id", "replaced_by_id")
    runs = IngestRun.objects.filter(kind="file").order_by("pk").values_list("pk", "symbols", "status")
    series = Series.objects.exclude(slug="mnq").order_by("symbol").values_list("slug", "symbol", "calendar", "kind")
    return [
        list(Bar.objects.order_by("symbol", "ts").values_list(*columns)),
        list(BarRevision.objects.order_by("symbol", "ts", "revised_by_id").values_list(*revisions)),
        list(SeriesInstrument.objects.order_by("series__symbol", "start_date", "pk").values_list(*instruments)),
        list(runs),
        list(series),
    ]


def load_as_before(path, *parts: np.ndarray, symbol: str = "NQH5") -> IngestRun:
    """Store a file as versions did that did not know contracts: under its raw symbol."""
    Series.objects.filter(symbol=symbol).update(vendor_symbols=["claimed"])  # such a series is not split
    ingest(write(path, np.concatenate(parts), start=0, end=None), symbol=symbol)
    run = IngestRun.objects.latest("pk")
    IngestRun.objects.filter(pk=run.pk).update(requested_symbol="")
    as_migrated = {"kind": "outright", "root": "NQ", "contract_month": 3, "is_settled": False}
    Series.objects.filter(symbol=symbol).update(vendor_symbols=[], **as_migrated)
    SeriesInstrument.objects.filter(from_mapping=True).delete()
    return run


def change(records: np.ndarray, by: int) -> np.ndarray:
    changed = records.copy()
    changed["volume"] += by
    return changed


@pytest.fixture
def earlier(market_db, tmp_path):
    """NQH5 of two decades in one series, by three runs, one of which corrected bars of both."""
    old, new = minutes_of(OLD, OLD_DAY, 3), minutes_of(NEW, NEW_DAY, 2)
    for name, records in (("a", [old]), ("b", [new]), ("c", [change(old[:2], 7), change(new[:3], 9)])):
        load_as_before(tmp_path / f"{name}.dbn", *records)
    return tmp_path


def name_by_date(symbol: str, moment: datetime | date) -> str:
    return symbol if symbol != "NQH5" else f"NQH{2015 if moment.year < 2020 else 2025}"


def test_each_contract_gets_its_own_series(earlier):
    before = state()
    assert "NQH2015: 15 bars, 2014-12-01 to 2014-12-03" in split()
    after = state()
    for rows, expected, at in ((after[0], before[0], 1), (after[1], before[1], 1), (after[2], before[2], 2)):
        renamed = sorted((name_by_date(row[0], row[at]), *row[1:]) for row in expected)
        assert sorted(rows) == renamed
    assert [symbols for _, symbols, _ in after[3]] == [["NQH2015"], ["NQH2025"], ["NQH2015", "NQH2025"]]
    assert [row[:2] for row in after[4]] == [("nqh2015", "NQH2015"), ("nqh2025", "NQH2025")]
    series = Series.objects.get(symbol="NQH2025")
    assert (series.contract_year, series.last_date, series.is_settled) == (2025, date(2025, 3, 31), True)
    assert_rollup_matches()
    assert not any(verdict.difference_count for verdict in verify_candles())


def test_the_split_is_a_run_and_its_undo_restores_everything(earlier):
    before = state()
    split()
    run = IngestRun.objects.latest("pk")
    assert (run.kind, run.status, run.row_count, run.changed_count) == ("split", "success", 25, 25)
    assert [(move["from"], move["to"], move["bars"]) for move in run.moves] == [
        ("NQH5", "NQH2015", 15),
        ("NQH5", "NQH2025", 10),
    ]

    undo_run(run.pk)

    assert state() == before
    assert_rollup_matches()
    with pytest.raises(CommandError, match="was already undone"):
        undo_run(run.pk)
    split("nqh5")
    assert Bar.objects.filter(symbol="NQH2015").count() == 15


def test_earlier_runs_can_be_undone_after_the_split(earlier):
    split()
    undo_run(3)
    assert not Bar.objects.filter(volume__gt=110).exists()
    undo_run(1)
    assert set(Bar.objects.values_list("symbol", flat=True)) == {"NQH2025"}
    assert Bar.objects.count() == 10
    undo_run(2)
    assert not Bar.objects.exists()
    assert_rollup_matches()


def test_a_split_can_be_undone_after_an_earlier_run_was(earlier):
    split()
    undo_run(3)
    undo_run(4)
    assert set(Bar.objects.values_list("symbol", flat=True)) == {"NQH5"}
    undo_run(1)
    assert Bar.objects.count() == 10


def test_as_of_an_earlier_time_a_contract_had_the_same_bars(earlier):
    times = list(IngestRun.objects.order_by("pk").values_list("finished_at", flat=True))

    def read(symbol):
        series = Series.objects.get(symbol=symbol)
        page = {"start": None, "end": None, "after": None, "descending": False, "limit": 100}
        return [read_bar_page_as_of(series, as_of=moment, **page)[0] for moment in times]

    before = read("NQH5")
    split()
    decade = datetime(2020, 1, 1, tzinfo=UTC)
    assert read("NQH2015") == [[row for row in rows if row.ts < decade] for rows in before]
    assert read("NQH2025") == [[row for row in rows if row.ts > decade] for rows in before]


def write_contract(path, number, day, days=1, **changes):
    mappings = {"NQH5": [(day, date(2030, 1, 1), number)]}
    fields = {"symbols": ("NQ.FUT",), "stype_in": "parent", "start": 0, "end": None, "mappings": mappings}
    return write(path, minutes_of(number, day, days), **(fields | changes))


def test_a_file_for_an_unsplit_series_is_refused_and_the_command_named(earlier):
    path = write_contract(earlier / "d.dbn", NEW, date(2025, 1, 2))
    with pytest.raises(
        CommandError, match=r"several contracts \(NQH2015, NQH2025\): split it with .*split_contracts --series nqh5"
    ):
        ingest(path)
    with pytest.raises(CommandError, match="split_contracts --series nqh5"):
        ingest(path, dry_run=True)
    split("NQH5")
    ingest(path)
    assert Bar.objects.filter(symbol="NQH2025").count() == 15


def test_a_split_is_not_undone_under_a_later_load(earlier):
    split()
    ingest(write_contract(earlier / "d.dbn", NEW, date(2025, 1, 2)))
    with pytest.raises(CommandError, match=r"undo these runs first: run 5 \(d\.dbn\)"):
        undo_run(4)
    undo_run(5)
    undo_run(4)
    assert set(Bar.objects.values_list("symbol", flat=True)) == {"NQH5"}


def test_one_contract_under_its_raw_symbol_is_continued_and_renamed_by_a_split(market_db, tmp_path):
    load_as_before(tmp_path / "a.dbn", minutes_of(NEW, NEW_DAY, 2))
    ingest(write_contract(tmp_path / "b.dbn", NEW, date(2025, 1, 2)))
    assert Bar.objects.filter(symbol="NQH5").count() == 15
    split()
    assert Bar.objects.filter(symbol="NQH2025").count() == 15
    runs = IngestRun.objects.count()
    split()
    assert IngestRun.objects.count() == runs


def test_contracts_that_were_loaded_since_are_joined_unless_they_share_a_minute(earlier):
    Series.objects.create(slug="nqh2025", symbol="NQH2025", dataset="GLBX.MDP3", kind="outright")
    ingest(write_contract(earlier / "x.dbn", NEW, date(2024, 12, 4)), symbol="NQH2025")
    split()
    assert Bar.objects.filter(symbol="NQH2025").count() == 15

    undo_run(IngestRun.objects.latest("pk").pk)
    assert Bar.objects.filter(symbol="NQH2025").count() == 5
    assert Bar.objects.filter(symbol="NQH5").count() == 25
    ingest(write_contract(earlier / "y.dbn", NEW, NEW_DAY), symbol="NQH2025")
    with pytest.raises(CommandError, match="nqh5 has bars of NQH2025 on 2024-12-02, and so has the series nqh2025"):
        split()
    assert Bar.objects.filter(symbol="NQH5").count() == 25


EURODOLLAR = date(2015, 3, 17)


def write_eurodollar(path, day, days=1):
    mappings = {"GEH5": [(date(2014, 1, 1), date(2030, 1, 1), 9)]}
    fields = {"symbols": ("GE.FUT",), "stype_in": "parent", "start": 0, "end": None, "mappings": mappings}
    return write(path, minutes_of(9, day, days), **fields)


def test_later_bars_settle_a_stored_contract(market_db, tmp_path):
    ingest(write_eurodollar(tmp_path / "a.dbn", EURODOLLAR))
    assert set(Bar.objects.values_list("symbol", flat=True)) == {"GEH5 #9"}

    ingest(write_eurodollar(tmp_path / "b.dbn", date(2015, 6, 1)))

    assert list(Bar.objects.values_list("symbol", flat=True)) == ["GEH2025"] * 10
    assert not Series.objects.filter(symbol="GEH5 #9").exists()
    kinds = list(IngestRun.objects.order_by("pk").values_list("kind", "symbols", "status"))
    assert kinds[0] == ("file", ["GEH2025"], "success")
    assert {kind for kind, *_ in kinds[1:]} == {"file", "split"}
    assert_rollup_matches()
    undo_run(1)
    assert Bar.objects.count() == 5


def test_a_definition_settles_a_stored_contract_when_the_file_is_loaded_again(market_db, tmp_path):
    path = write_eurodollar(tmp_path / "a.dbn", EURODOLLAR, 2)
    ingest(path)
    write_definitions(tmp_path / "x.definition.dbn", ("GEH5", 9, date(2015, 3, 16), date(2025, 3, 17)))
    preview = ingest(path, json=True, dry_run=True).json["files"][0]
    loaded = ingest(path, json=True).json["files"][0]

    assert set(Bar.objects.values_list("symbol", flat=True)) == {"GEH2025"}
    assert (loaded["inserted"], loaded["updated"], loaded["changed"]) == (0, 10, 0)
    assert (preview["inserted"], preview["updated"], preview["symbols"]) == (0, 10, loaded["symbols"])
    ingest(path)
    assert Bar.objects.count() == 10


def test_a_definition_corrects_the_name_of_a_stored_contract(market_db, tmp_path):
    path = write_contract(tmp_path / "a.dbn", 8, date(2025, 1, 2))
    ingest(path)
    assert set(Bar.objects.values_list("symbol", flat=True)) == {"NQH2025"}
    write_definitions(tmp_path / "x.definition.dbn", ("NQH5", 8, date(2024, 12, 2), date(2035, 3, 16)))
    ingest(path)
    assert set(Bar.objects.values_list("symbol", flat=True)) == {"NQH2035"}


def test_a_refused_file_settles_nothing(market_db, tmp_path):
    ingest(write_eurodollar(tmp_path / "a.dbn", EURODOLLAR))
    path = write_eurodollar(tmp_path / "b.dbn", date(2015, 6, 1))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CommandError, match="cut off"):
        ingest(path)
    assert set(Bar.objects.values_list("symbol", flat=True)) == {"GEH5 #9"}
