"""The contracts that a stored series holds, and files that are refused until it is split."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from config.testing.earlier_version import (
    NQH2015,
    NQH2025,
    OTHER_NQH2025,
    WHOLE,
    age_database,
    contract_bars,
    load,
    map_always,
)
from ingestion.errors import MixedInstruments
from ingestion.symbology.stored_contracts import (
    Action,
    find_splittable,
    find_stored_contracts,
    holds_several_contracts,
    refuse_unsplit,
)
from ingestion.undo.pipeline import undo_run
from marketdata.command_line import manage
from marketdata.models import IngestRun, Series

OLD, NEW = date(2014, 12, 1), date(2024, 12, 2)


def store(folder: Path, symbol: str, *instruments: tuple[int, date], dataset: str = "GLBX.MDP3") -> Series:
    """A series of an earlier version: a file for each (instrument, date)."""
    for instrument_id, day in instruments:
        load(folder, map_always(symbol, instrument_id), contract_bars(instrument_id, day))
    age_database(dataset)
    return Series.objects.get(symbol=symbol)


def find_names(series: Series) -> list[str]:
    (stored,) = find_stored_contracts([series])
    return stored.names


def find_action(series: Series) -> Action:
    (stored,) = find_stored_contracts([series])
    return stored.action


@pytest.mark.parametrize(
    ("symbol", "instruments", "names"),
    [
        ("NQH5", [(1, OLD), (2, NEW)], ["NQH2015", "NQH2025"]),
        ("NQH5", [(1, OLD), (2, date(2014, 12, 2))], ["NQH2015"]),  # one contract with two ids
        ("NQH5", [(1, OLD), (1, NEW)], ["NQH2015", "NQH2025"]),  # one id for two contracts
        ("NQH5", [(1, date(2015, 5, 4))], ["NQH5 #1"]),  # two months late: not settled
        ("NQH5", [(1, date(2015, 5, 4)), (1, date(2016, 5, 4))], ["NQH2025"]),  # settled by later bars
        ("NQH5-NQM5", [(1, OLD), (2, NEW)], ["NQH2015-NQM2015", "NQH2025-NQM2025"]),
        ("ESH5 C5000", [(1, OLD), (2, NEW)], ["ESH2015 C5000", "ESH2025 C5000"]),
        ("CLZ25", [(1, OLD), (2, NEW)], ["CLZ2025"]),
        ("SR3H5", [(1, date(2024, 5, 1)), (2, date(2026, 7, 15))], ["SR3H2025", "SR3H2035"]),
        ("GEH5", [(1, date(2014, 3, 3)), (2, date(2015, 3, 17))], ["GEH2015", "GEH5 #2"]),
        ("UD:1V: VT 1", [(5, OLD), (4, NEW), (5, date(2024, 12, 3))], ["UD:1V: VT 1", "UD:1V: VT 1 #4"]),
    ],
)
def test_the_contracts_of_a_raw_symbol(market_db, tmp_path, symbol, instruments, names):
    series = store(tmp_path, symbol, *instruments)
    assert find_names(series) == names
    expected = Action.SPLIT if len(names) > 1 else Action.RENAME
    assert find_action(series) == (Action.NOTHING if names == [symbol] else expected)
    assert holds_several_contracts(series) == (len(names) > 1)
    assert [stored.series for stored in find_splittable(Series.objects.all())] == [series]


def test_futures_of_cboe(market_db, tmp_path):
    series = store(tmp_path, "VX/M6", (1, date(2016, 5, 2)), (2, date(2026, 5, 1)), dataset="XCBF.PITCH")
    assert find_names(series) == ["VX/M2016", "VX/M2026"]


@pytest.mark.parametrize(
    ("symbol", "dataset"),
    [("NQH5", "IFEU.IMPACT"), ("FMH0025!", "IFEU.IMPACT"), ("NVDA", "XNAS.ITCH"), ("NQ.c.0", "GLBX.MDP3")],
)
def test_other_symbols_are_unique_already(market_db, tmp_path, symbol, dataset):
    series = store(tmp_path, symbol, (1, OLD), (2, NEW), dataset=dataset)
    assert find_action(series) == Action.NOTHING
    assert not holds_several_contracts(series)


def test_a_series_that_an_operator_named_is_not_examined(market_db, tmp_path, settings):
    series = store(tmp_path, "NQH5", (NQH2015, OLD), (NQH2025, NEW))
    Series.objects.filter(pk=series.pk).update(vendor_symbols=["NQH5"])
    assert find_action(series) == Action.NOTHING
    Series.objects.filter(pk=series.pk).update(vendor_symbols=[])
    settings.DEFAULT_SERIES = "nqh5"
    assert find_action(series) == Action.NOTHING
    settings.DEFAULT_SERIES = "mnq"
    IngestRun.objects.filter(pk=IngestRun.objects.latest("pk").pk).update(requested_symbol="NQH5")
    assert find_action(series) == Action.NOTHING
    IngestRun.objects.update(requested_symbol="")
    assert find_action(series) == Action.SPLIT


def test_the_symbol_of_a_continuous_series_is_not_examined(market_db, tmp_path):
    mnq = Series.objects.get(slug="mnq")
    Series.objects.filter(pk=mnq.pk).update(dataset="IFEU.IMPACT", vendor_symbols=[], slug="other")
    try:
        store(tmp_path, "CME_MINI:MNQ1!", (NQH2015, OLD), (NQH2025, NEW))
        assert find_splittable(Series.objects.all()) == []
    finally:
        mnq.save()


def test_instruments_of_unreadable_text_are_kept_apart(market_db, tmp_path):
    """The mappings of a file of several symbols named the series, no operator did."""
    for instrument_id, day in ((1, OLD), (2, NEW)):
        load(
            tmp_path,
            map_always("What is this", instrument_id) | map_always("NQM5", instrument_id + 10),
            contract_bars(instrument_id, day),
            contract_bars(instrument_id + 10, day),
        )
    age_database()
    assert find_names(Series.objects.get(symbol="What is this")) == ["What is this", "What is this #2"]


def test_a_file_for_a_series_of_several_contracts_is_refused(market_db, tmp_path):
    store(tmp_path, "NQH5", (NQH2015, OLD), (NQH2025, NEW))
    store(tmp_path, "NQM5", (1, OLD))
    path = Path("/data/nq.dbn")
    refuse_unsplit(path, ["NQM5", "NQH2015", "none"])
    with pytest.raises(MixedInstruments) as refusal:
        refuse_unsplit(path, ["NQM5", "NQH5"])
    assert str(refusal.value) == (
        "/data/nq.dbn has NQH5, and the series nqh5, which an earlier version stored, holds several contracts "
        f"(NQH2015, NQH2025): split it with {manage()} split_contracts --series nqh5, and load the file again."
    )
    assert (refusal.value.path, refusal.value.symbol) == (path, "NQH5")


def test_the_refusal_counts_other_series(market_db, tmp_path):
    for symbol, shift in (("NQH5", 0), ("NQM5", 10)):
        store(tmp_path, symbol, (1 + shift, OLD), (2 + shift, NEW))
    with pytest.raises(MixedInstruments, match=r"1 more series of the file do, too: .* split_contracts splits all"):
        refuse_unsplit(Path("a.dbn"), ["NQM5", "NQH5"])


def test_a_contract_whose_bars_were_undone_does_not_count(market_db, tmp_path):
    """Only bars make a contract."""
    series = store(tmp_path, "NQH5", (NQH2015, OLD), (NQH2025, NEW))
    assert holds_several_contracts(series)
    undo_run(run_id=IngestRun.objects.earliest("pk").pk)
    assert not holds_several_contracts(series)
    refuse_unsplit(tmp_path / "a.dbn", ["NQH5"])


def test_one_instrument_replaced_by_another_of_the_contract(market_db, tmp_path):
    load(tmp_path, map_always("NQH5", NQH2025), contract_bars(NQH2025, NEW))
    other = contract_bars(OTHER_NQH2025, NEW)
    load(tmp_path, {"NQH5": [(*WHOLE, OTHER_NQH2025)]}, other, replace_instrument=True)
    age_database()
    (stored,) = find_stored_contracts([Series.objects.get(symbol="NQH5")])
    assert [one.row.instrument_id for one in stored.contracts] == [OTHER_NQH2025]
    assert [one.row.instrument_id for one in stored.replaced] == [NQH2025]
    assert stored.names == ["NQH2025"]
