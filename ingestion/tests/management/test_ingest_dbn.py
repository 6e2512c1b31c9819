"""The command ingest_dbn: its options and its help."""

import pytest
from django.core.management import CommandError

from config.testing.builders import FRONT, bars, ingest, several, stored, write
from config.testing.processes import run
from marketdata.models import IngestRun

pytestmark = pytest.mark.ordinary_role


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "mnq.dbn.zst", bars(1200))


def test_a_dry_run_of_a_refused_file_is_refused_and_leaves_no_run(market_db, path, tmp_path):
    ingest(path)
    other = write(tmp_path / "other.dbn", bars(5, instrument_id=FRONT + 1), mappings={})
    with pytest.raises(CommandError, match="--replace-instrument"):
        ingest(other, dry_run=True)
    printed = ingest(other, dry_run=True, replace_instrument=True)

    assert f"Would replace instrument {FRONT} of GLBX.MDP3 (publisher 1) of CME_MINI:MNQ1!" in printed.out
    assert "Bars of the replaced instrument, not in the file: 1,195 removed" in printed.out
    assert IngestRun.objects.count() == 1


def test_symbol_and_dataset_are_stored_as_given(market_db, path):
    ingest(path, symbol="My series:  ES1!", dataset="mine")
    run = IngestRun.objects.get()
    assert (run.symbols, run.dataset, run.requested_symbol) == (["My series:  ES1!"], "mine", "My series:  ES1!")
    assert len(stored("My series:  ES1!")) == 1200


def test_limit_loads_only_so_many_rows(market_db, path):
    ingest(path, limit=7)
    assert IngestRun.objects.get().row_limit == 7
    assert list(stored()) == sorted(stored())
    assert len(stored()) == 7


def test_datasets_are_named_after_the_series_or_the_vendors_dataset(market_db, tmp_path):
    ingest(several(tmp_path / "a.dbn", {"A": bars(2, instrument_id=1), "B": bars(2, first=2, instrument_id=2)}))
    ingest(write(tmp_path / "b.dbn", bars(2, instrument_id=3), symbols=("ES.c.0",), mappings={}))
    assert set(IngestRun.objects.values_list("dataset", flat=True)) == {"glbx_mdp3_ohlcv_1m", "es_c_0_ohlcv_1m"}


def test_help_lists_every_option_with_examples():
    ended = run("--help", url="")
    assert ended.code == 0
    for option in (
        "--input", "--symbol", "--dataset", "--dry-run", "--limit", "--publisher",
        "--replace-instrument", "--skip-ingested", "--verbose", "--json",
    ):  # fmt: skip
        assert f"  {option}" in ended.out
    assert "examples:" in ended.out
    assert "Exit code: 0 if no file failed" in ended.out


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "the following arguments are required: --input"),
        (["--input"], "expected at least one argument"),
        (["--input", "a.dbn", "--limit", "0"], "argument --limit: '0' is not a whole number of 1 or more"),
        (["--input", "a.dbn", "--limit", "1.5"], "argument --limit: '1.5' is not a whole number"),
        (["--input", "a.dbn", "--limit", "9223372036854775808"], "--limit: 9223372036854775808 is too large$"),
        (["--input", "a.dbn", "--limit", "9" * 5000], "--limit: 9{5000} is too large$"),
        (["--input", "a.dbn", "--limit", "0" * 5000], "--limit: '0{5000}' is not a whole number of 1 or more"),
        (["--input", "a.dbn", "--publisher", "65536"], "--publisher: 65536 is too large: at most 65,535$"),
        (["--input", "a.dbn", "--jobs", "257"], "--jobs: 257 is too large: at most 256$"),
        (["--input", "a.dbn", "--publisher", "-1"], "argument --publisher: '-1' is not a whole number"),
    ],
)
def test_an_invalid_option_is_reported(arguments, words):
    from django.core.management import load_command_class

    command = load_command_class("ingestion", "ingest_dbn")
    parser = command.create_parser("manage.py", "ingest_dbn")
    with pytest.raises(CommandError, match=words):
        parser.parse_args(arguments)


@pytest.mark.parametrize(
    "symbol, words", [(" ", "is empty"), ("a" * 129, "129 characters"), ("a\nb", "cannot be printed")]
)
def test_a_symbol_that_cannot_be_stored_is_refused(market_db, path, symbol, words):
    with pytest.raises(CommandError, match=words):
        ingest(path, symbol=symbol)
    assert stored() == {}
