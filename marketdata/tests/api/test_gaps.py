"""Gaps over REST, each with its verdict."""

import json

import pytest
from django.core.management import CommandError, call_command

from config.testing.builders import Printed, bars, ingest, together, write
from marketdata.api.responses.examples import GAPS_EXAMPLE
from marketdata.models import Series

GAPS = "/api/market-data/mnq/gaps"
TUESDAY = {"start": "2024-01-02", "end": "2024-01-03"}


@pytest.fixture
def records(market_db, tmp_path):
    """Tuesday from midnight UTC to 09:20, and from 11:00 to 23:00, one minute missing. The file covers January."""
    parts = (bars(560), bars(300, first=660), bars(419, first=961))
    ingest(write(tmp_path / "mnq.dbn.zst", together(*parts)))


def read_gaps(reader, **parameters):
    return reader.get(GAPS, TUESDAY | parameters).json()


def test_each_gap_has_one_verdict(reader, records):
    body = read_gaps(reader)

    assert [(gap["start"][11:16], gap["end"][11:16], gap["verdict"]) for gap in body["gaps"]] == [
        ("09:20", "11:00", "missing"),
        ("16:00", "16:01", "no_trade"),
        ("23:00", "00:00", "missing"),
    ]
    assert body["gaps"][0].keys() == GAPS_EXAMPLE["gaps"][0].keys()
    assert body.keys() == GAPS_EXAMPLE.keys()


def test_a_verdict_selects_gaps_and_all_are_counted(reader, records):
    body = read_gaps(reader, verdict="no_trade")

    assert [gap["minutes"] for gap in body["gaps"]] == [1]
    assert body["verdicts"]["missing"]["gaps"] == 2


def test_pages_have_all_gaps_once(reader, records):
    found, address = [], f"{GAPS}?start=2024-01-02&end=2024-01-12&limit=1"
    while address:
        body = reader.get(address).json()
        found += body["gaps"]
        address = body["next"]

    assert found == reader.get(GAPS, {"start": "2024-01-02", "end": "2024-01-12"}).json()["gaps"]
    assert len(found) == 3


@pytest.mark.parametrize("parameters", [{"verdict": "lost"}, {"limit": "0"}, {"cursor": "x"}, {"end": "2024-01-02"}])
def test_wrong_parameters_are_refused(reader, records, parameters):
    assert reader.get(GAPS, TUESDAY | parameters).status_code == 400


def test_gaps_require_a_login(client, records):
    assert client.get(GAPS).status_code == 401


# --- The command ------------------------------------------------------------------------------------------------------


def run_gaps(capsys, *arguments):
    capsys.readouterr()
    call_command("gaps", *arguments)
    return Printed(*capsys.readouterr())


def test_the_command_prints_the_same_gaps_as_the_api(reader, records, capsys):
    printed = run_gaps(capsys, "--series", "mnq", "--start", "2024-01-02", "--end", "2024-01-03", "--json").json

    assert printed["gaps"] == [{"series": "mnq"} | gap for gap in read_gaps(reader)["gaps"]]
    assert printed["series"][0]["verdicts"] == read_gaps(reader)["verdicts"]


def test_the_command_counts_what_needs_no_attention(records, capsys):
    text = run_gaps(capsys, "--start=2024-01-02", "--end=2024-01-03").out

    assert "  no trade: 1 gap, 1 minute\n" in text
    assert "2024-01-02 16:00" not in text
    assert "  2024-01-02 09:20 to 2024-01-02 11:00  100 minutes  missing: No bars are stored" in text


def test_all_lists_every_gap(records, capsys):
    assert "2024-01-02 16:00" in run_gaps(capsys, "--all").out


def test_a_series_that_is_not_known_is_named(records):
    with pytest.raises(CommandError, match=r"There is no series 'nq1'\. Known: mnq\."):
        call_command("gaps", "--series", "nq1")


@pytest.mark.parametrize("text", ["yesterday", "2024-13-01", "2024-01-02T10:00:30", ""])
def test_a_wrong_time_is_refused(records, text):
    with pytest.raises(CommandError, match="--start"):
        call_command("gaps", f"--start={text}")


def test_an_empty_database_has_no_gaps(market_db, capsys):
    Series.objects.update(feed_symbol="", feed_stype="")
    try:
        assert run_gaps(capsys).out == "There are no bars, and no series is requested by backfill.\n"
        assert json.loads(run_gaps(capsys, "--json").out) == {"gaps": [], "series": []}
    finally:
        Series.objects.filter(slug="mnq").update(feed_symbol="MNQ.c.0", feed_stype="continuous")
