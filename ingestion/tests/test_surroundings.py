"""Orphaned runs, other encodings, and a role that may not create tables."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from config.testing.builders import bars, ingest, write
from config.testing.database.scratch import scratch_database, temporary_role
from config.testing.processes import run
from marketdata.models import Bar, IngestRun


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
def admin_user_committed(market_db):
    user = get_user_model().objects.create_superuser("reads", "reads@example.com", "only-for-this-test-1")
    yield user
    user.delete()


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


@pytest.mark.superuser
def test_migrate_without_the_right_to_create_is_reported(market_db):
    with scratch_database() as name, temporary_role("reader") as role:
        server = connection.connection.info
        ended = run(command="migrate", url=f"postgres://{role}@/{name}?host={server.host}&port={server.port}")
        assert ended.code == 1
        assert "The database cannot be migrated (" in ended.sentence
        assert "permission denied for schema public" in ended.sentence
