"""The ingest options: each is listed once, and survives the way to a run or a command line and back."""

import argparse
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.testing.builders import bars, write
from ingestion.errors import InputError
from ingestion.options import IngestOptions, check_options
from ingestion.pipeline import ingest_file
from marketdata.models import IngestRun

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
OPTIONS = st.builds(
    IngestOptions,
    symbol=TEXTS,
    dataset=TEXTS,
    limit=st.none() | st.integers(1, 2**63 - 1),
    publisher_id=st.none() | st.integers(1, 2**16 - 1),
    replace_instrument=st.booleans(),
    remove_withdrawn=st.booleans(),
)


def parse(words: list[str]) -> IngestOptions:
    parser = argparse.ArgumentParser()
    IngestOptions.add_arguments(parser)
    return IngestOptions.from_parsed(vars(parser.parse_args(words)))


@given(OPTIONS)
def test_options_as_a_command_line_are_parsed_to_the_same_options(options):
    assert parse(options.to_arguments()) == options


@given(OPTIONS)
def test_options_at_their_defaults_are_not_requested(options):
    assert bool(options.to_arguments()) == (options != IngestOptions())


def test_every_option_is_recorded_by_a_run_field_of_its_own():
    columns = {field.name for field in IngestRun._meta.concrete_fields}
    fields = IngestOptions().to_run_fields()
    assert set(fields) <= columns
    assert len(fields) == len(inspect.signature(IngestOptions).parameters) == 7


@pytest.mark.parametrize(
    "options",
    [
        IngestOptions(),
        IngestOptions(symbol="DEMO", limit=2),
        IngestOptions(dataset="mine", publisher_id=1),
        IngestOptions(replace_instrument=True),
        IngestOptions(remove_withdrawn=True),
    ],
)
def test_the_options_of_a_run_can_be_read_from_its_row(market_db, tmp_path, options):
    run = ingest_file(path=write(tmp_path / "mnq.dbn", bars(3)), options=options).run
    run.refresh_from_db()
    assert IngestOptions.from_run(run) == options


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--limit", "0"], "'0' is not a whole number of 1 or more"),
        (["--limit", str(2**63)], "9223372036854775808 is too large"),
        (["--publisher", "65536"], "65536 is too large: at most 65,535"),
        (["--symbol", ""], "it is empty"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(capsys, words, message):
    with pytest.raises(SystemExit):
        parse(words)
    assert capsys.readouterr().err.endswith(f"{message}\n")


def test_a_path_that_cannot_be_stored_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a name in UTF-8"):
        check_options(tmp_path / "\udcff.dbn", IngestOptions())
