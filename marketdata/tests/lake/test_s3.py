"""The lake in an S3 bucket of a local server."""

from __future__ import annotations

import io
import socket
import time

import pyarrow
import pytest
from django.core.management import CommandError, call_command
from pyarrow import parquet

from config.testing.builders import bars
from config.testing.database.archive import archive
from config.testing.processes import Process
from config.testing.undo import change_volume, ingest_records
from marketdata.bars.query import read_bar_page
from marketdata.lake.export.pipeline import export_lake
from marketdata.lake.manifest import require_manifest
from marketdata.lake.read import LakeReader, to_table_rows
from marketdata.lake.store import Store, open_store
from marketdata.lake.verification.verify import verify_lake
from marketdata.models import Bar, Series
from marketdata.sources.errors import ArchivedBarsUnreadable
from marketdata.tests.lake.conftest import MNQ, read_table
from marketdata.tests.lake.s3_server import BUCKET, run_s3_server
from marketdata.tests.lake.test_swap import Killed, kill_at

pytestmark = pytest.mark.slow
SECRET = "t0p/secret+key"
TARGET = f"s3://{BUCKET}/a lake"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with run_s3_server(tmp_path_factory.mktemp("s3") / "moto.log") as url:
        yield url


@pytest.fixture
def bucket(server, settings, monkeypatch, market_db):
    settings.LAKE_ENDPOINT_URL = server
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    store = open_store(TARGET)
    yield store
    for path in store.list_files():
        store.delete(path)


def check(store: Store) -> None:
    """The objects are exactly the table and those of the manifest, and the lake is right."""
    manifest = require_manifest(store)
    assert set(store.list_files()) == manifest.paths | {"_lake/manifest.json"}
    tables = [
        parquet.read_table(pyarrow.BufferReader(store.read(file.path)), partitioning=None) for file in manifest.files
    ]
    rows = sorted((row for table in tables for row in to_table_rows(table)), key=lambda row: (row[2], row[3]))
    assert rows == read_table()
    assert verify_lake(store).damages == []


def test_exports_changes_and_reads(bucket, tmp_path):
    ingest_records(tmp_path, bars(500))
    assert export_lake(bucket).written_rows == 500
    check(bucket)
    assert export_lake(bucket, since_last=True).written_rows == 0
    ingest_records(tmp_path, change_volume(bars(500), 3))
    assert export_lake(bucket, since_last=True).written_rows == 500
    check(bucket)
    (table,) = LakeReader(bucket).iterate_tables(MNQ)
    assert [int(volume) for volume in table["volume"].to_pylist()[-5:]] == [595, 596, 597, 598, 599]


def test_an_archived_year_is_read_from_the_bucket(bucket, tmp_path, server):
    mnq = Series.objects.get(slug="mnq")
    page = {"start": None, "end": None, "after": None, "descending": True, "limit": 200}
    ingest_records(tmp_path, bars(500))
    expected = read_bar_page(mnq, **page)
    archive(2024, TARGET)
    assert not Bar.objects.exists()
    assert read_bar_page(mnq, **page) == expected


def test_a_server_that_does_not_answer_is_given_up_within_seconds(bucket, tmp_path, settings):
    ingest_records(tmp_path, bars(5))
    archive(2024, TARGET)
    mnq = Series.objects.get(slug="mnq")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.LAKE_ENDPOINT_URL = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(ArchivedBarsUnreadable, match="The bars of 2024 are archived") as error:
            read_bar_page(mnq, start=None, end=None, after=None, descending=True, limit=5)
    assert time.monotonic() - started < 15
    assert SECRET not in error.value.explanation


def test_an_export_that_ends_half_way_is_completed(bucket, tmp_path):
    ingest_records(tmp_path, bars(5))
    export_lake(bucket)
    for step in (0, 3, 8, 10, 12, 14):
        ingest_records(tmp_path, change_volume(bars(5), 1, by=step + 1))
        with pytest.raises(Killed):
            export_lake(kill_at(open_store(TARGET), step))
        known = {file.path for file in require_manifest(bucket).files}
        assert {path for path in bucket.list_files() if path.endswith(".parquet")} <= known
        export_lake(bucket, since_last=True)
        check(bucket)


def test_commands_in_processes(bucket, server, tmp_path):
    ingest_records(tmp_path, bars(5))
    for command, *options in (("export_lake", "--verify"), ("export_lake", "--since-last"), ("verify_lake",)):
        with Process("--to", TARGET, *options, command=command, LAKE_ENDPOINT_URL=server) as process:
            ended = process.end()
        assert (ended.code, ended.err) == (0, ""), ended
        assert "5 bars" in ended.out


def test_errors_are_sentences_without_credentials(bucket, settings):
    missing = f"s3://{BUCKET}x/lake", "The bucket does not exist"
    down = TARGET, "The server cannot be reached"
    for command, (target, reason), endpoint in (
        ("export_lake", missing, settings.LAKE_ENDPOINT_URL),
        ("verify_lake", missing, settings.LAKE_ENDPOINT_URL),
        ("export_lake", down, "http://127.0.0.1:9"),
    ):
        settings.LAKE_ENDPOINT_URL = endpoint
        with pytest.raises(CommandError) as refused:
            call_command(command, to=target, stdout=io.StringIO())
        sentence = str(refused.value)
        assert reason in sentence
        assert target in sentence
        assert "\n" not in sentence
        assert "check the bucket, LAKE_ENDPOINT_URL, and the credentials" in sentence
        assert SECRET not in sentence
        assert "AKIDEXAMPLE" not in sentence
