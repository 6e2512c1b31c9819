"""Roles that may only read, other encodings, and time limits of a role."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from config.testing.builders import bars, ingest, undo_run, write
from config.testing.database.scratch import scratch_database
from config.testing.processes import run
from marketdata.models import Bar, IngestRun

READER = "barkeep_test_reads_only"
ADDRESSES = [
    *("/", "/series/mnq/", "/runs/1/", "/runs/2/", "/admin/marketdata/ingestrun/", "/admin/marketdata/series/"),
    *("/api/ingest-runs/", "/api/ingest-runs/2/", "/api/market-data/", "/api/market-data/mnq/ohlcv-1m/stats"),
    *("/api/market-data/mnq/ohlcv-1m/bars", "/api/market-data/mnq/coverage"),
]


@pytest.fixture
def orphan(market_db, tmp_path) -> IngestRun:
    """A run whose process is gone, beside one with bars."""
    ingest(write(tmp_path / "a.dbn", bars(10)))
    return IngestRun.objects.create(file_name="b.dbn", file_path="/raw/b.dbn", started_at=timezone.now())


@pytest.fixture
def reader(orphan, admin_user_committed) -> Client:
    client = Client()
    client.force_login(admin_user_committed)
    return client


@pytest.fixture
def select_only(reader) -> Iterator[Client]:
    """A web server whose role may only SELECT."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP ROLE IF EXISTS {READER}; CREATE ROLE {READER}")
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {READER}")
        cursor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}; SET ROLE {READER}")
        try:
            yield reader
        finally:
            cursor.execute(f"RESET ROLE; DROP OWNED BY {READER}; DROP ROLE {READER}")


@pytest.fixture
def read_only(reader, monkeypatch) -> Iterator[Client]:
    """A web server on a replica, where no transaction may write."""
    options = connection.settings_dict["OPTIONS"] | {"options": "-c default_transaction_read_only=on"}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    connection.close()
    yield reader
    monkeypatch.undo()
    connection.close()


@pytest.fixture
def admin_user_committed(market_db):
    user = get_user_model().objects.create_superuser("reads", "reads@example.com", "only-for-this-test-1")
    yield user
    user.delete()


def expect_reads(client: Client) -> None:
    for address in ADDRESSES:
        assert client.get(address).status_code == 200, address
    assert client.get("/api/ingest-runs/2/").json()["status"] == "running"


@pytest.mark.superuser
def test_a_role_that_may_only_select_sees_every_page(select_only):
    expect_reads(select_only)


def test_a_replica_shows_every_page(read_only):
    expect_reads(read_only)


def test_a_writer_still_closes_orphaned_runs(reader):
    assert reader.get("/api/ingest-runs/2/").json()["status"] == "failed"


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_refusal_is_stored_in_any_encoding(market_db, tmp_path, encoding):
    options = f"ENCODING '{encoding}' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    path = write(tmp_path / "5 \u2026 \u20ac.dbn", bars(3))
    listed = {"filename": path.name, "size": path.stat().st_size, "hash": "sha256:" + "0" * 64}
    (tmp_path / "manifest.json").write_text(json.dumps({"files": [listed]}))
    with scratch_database(options=options):
        call_command("migrate", verbosity=0)
        with pytest.raises(CommandError, match="it is damaged"):
            ingest(path)
        refused = IngestRun.objects.get()
        assert (refused.status, refused.error.count("\\u2026")) == ("failed", 3)
        assert "is damaged" in refused.error
        (tmp_path / "manifest.json").unlink()
        ingest(path)
        assert list(IngestRun.objects.order_by("pk").values_list("status", flat=True)) == ["failed", "success"]
        assert Bar.objects.count() == 3


@pytest.mark.parametrize("limit", ["idle_in_transaction_session_timeout", "statement_timeout", "lock_timeout"])
def test_time_limits_of_the_role_do_not_end_a_load(market_db, tmp_path, limit, monkeypatch):
    monkeypatch.setenv("PGOPTIONS", f"-c {limit}=100")
    ended = run("--input", write(tmp_path / "a.dbn.zst", bars(400_000)), "--limit", "10")
    assert (ended.code, Bar.objects.count()) == (0, 10), ended.err
    undo_run(1)


@pytest.mark.superuser
def test_migrate_without_the_right_to_create_is_reported(market_db):
    with scratch_database() as name, connection.cursor() as cursor:
        cursor.execute(f"DROP ROLE IF EXISTS {READER}; CREATE ROLE {READER} LOGIN")
        try:
            user, host, port = (connection.settings_dict[key] for key in ("USER", "HOST", "PORT"))
            server = connection.connection.info
            url = f"postgres://{READER}@/{name}?host={server.host}&port={server.port}"
            ended = run(command="migrate", url=url)
            assert (ended.code, user, host, port) == (1, user, host, port)
            assert "The database cannot be migrated (" in ended.sentence
            assert "permission denied for schema public" in ended.sentence
        finally:
            cursor.execute(f"DROP ROLE {READER}")
