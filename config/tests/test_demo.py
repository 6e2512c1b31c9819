"""The demo's sample has no gap while the exchange is open, and `make demo-reset` undoes its runs."""

from __future__ import annotations

from datetime import date

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError

from config.demo import remove_sample
from config.testing.builders import FRONT, bars, ingest, stored, write
from ingestion.dbn.samples import write_mnq_sample
from marketdata.models import Bar, IngestRun, SeriesInstrument


@pytest.fixture
def sample(market_db, tmp_path):
    """The demo's sample file, ingested twice."""
    path = write_mnq_sample(tmp_path / "mnq-sample.dbn.zst", bars=50_000)
    ingest(path)
    ingest(path)
    return path


@pytest.fixture
def mnq(tmp_path):
    """A file of MNQ on the sample's dates, with another instrument id."""
    days = [(date(2024, 1, 1), date(2024, 2, 1), FRONT + 1000)]
    return write(tmp_path / "mnq.dbn", bars(3, instrument_id=FRONT + 1000), mappings={"MNQ.c.0": days})


def test_the_coverage_of_the_demo_shows_no_gap_while_open(sample, client):
    user = get_user_model().objects.create_user("reader")
    client.force_login(user)

    coverage = client.get("/api/market-data/mnq/coverage").json()

    user.delete()
    assert coverage["open_gap_count"] == 0
    assert coverage["gap_count"] > 30


def test_reset_undoes_the_runs_of_the_sample(sample):
    messages = remove_sample(sample)

    assert messages == ["Run 1 is undone by run 3: 50,000 bars removed.", "Removed 50,000 invented bars."]
    assert not Bar.objects.exists()
    assert not SeriesInstrument.current.exists()
    runs = IngestRun.objects.order_by("pk").values_list("pk", "status", "undoes")
    assert list(runs) == [(1, "success", None), (2, "success", None), (3, "success", 1)]


def test_a_real_file_loads_after_reset(sample, mnq):
    with pytest.raises(CommandError, match="instrument"):
        ingest(mnq)
    remove_sample(sample)

    ingest(mnq)

    assert len(stored()) == 3


def test_a_second_reset_removes_nothing(sample):
    remove_sample(sample)
    before = list(IngestRun.objects.values())

    assert remove_sample(sample) == ["Removed 0 invented bars."]
    assert list(IngestRun.objects.values()) == before


def test_the_demo_runs_again_after_reset(sample):
    remove_sample(sample)
    ingest(sample)
    ingest(sample)

    assert remove_sample(sample)[-1] == "Removed 50,000 invented bars."
    assert not Bar.objects.exists()


def test_reset_keeps_bars_that_another_file_changed(sample, tmp_path):
    other = write_mnq_sample(tmp_path / "other.dbn.zst", bars=100, seed=2)
    ingest(other)

    messages = remove_sample(sample)

    assert messages[-1] == "Removed 49,900 invented bars."
    assert any("run 3 (100)" in message for message in messages)
    assert Bar.objects.count() == 100


def test_reset_without_the_demo_removes_nothing(market_db, tmp_path):
    assert remove_sample(tmp_path / "mnq-sample.dbn.zst") == ["Removed 0 invented bars."]
