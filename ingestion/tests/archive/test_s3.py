"""A year that is archived in an S3 bucket of a local server."""

from __future__ import annotations

from datetime import date

import pytest

from ingestion.tests.archive.conftest import YEAR, ingest_days, read_all, run_command
from marketdata.models import ArchivedYear
from marketdata.tests.lake.s3_server import BUCKET, run_s3_server

pytestmark = pytest.mark.slow
TARGET = f"s3://{BUCKET}/years"


@pytest.fixture
def target(tmp_path, settings, monkeypatch, market_db):
    with run_s3_server(tmp_path / "moto.log") as url:
        settings.LAKE_ENDPOINT_URL = url
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield TARGET


def test_both_ways(target, tmp_path):
    ingest_days(tmp_path, date(2024, 1, 3))
    ingest_days(tmp_path, date(2025, 1, 3))
    run_command("export_lake", to=target)
    before = read_all()
    run_command("archive_year", YEAR, lake=target, drop=True)
    assert ArchivedYear.objects.get().lake == target
    folder = tmp_path / "folder"
    assert "Written: 2 files with 240 bars." in run_command("export_lake", to=str(folder), verify=True).out
    assert "is right" in run_command("verify_lake", target).out
    assert f"loaded 120 bars from {target}" in run_command("restore_year", YEAR).out
    assert read_all() == before
