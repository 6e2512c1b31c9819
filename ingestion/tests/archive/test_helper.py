"""The helper that archives a year by statements alone, and the fixture that clears up after it."""

from __future__ import annotations

from django.db import connection

from config.testing.builders import bars
from config.testing.database.archive import archive
from config.testing.undo import ingest_records
from marketdata.models import ArchivedYear, Bar
from marketdata.partitions.years import list_partitions


def test_an_archived_year(market_db, tmp_path):
    ingest_records(tmp_path, bars(20))
    archived = archive(2024, tmp_path / "lake", drop=True)
    assert (archived.bar_count, Bar.objects.count(), archived.dropped_at is None) == (20, 0, False)


def test_the_next_test_has_all_partitions(market_db):
    with connection.cursor() as cursor:
        assert 2024 in list_partitions(cursor)
    assert not ArchivedYear.objects.exists()
