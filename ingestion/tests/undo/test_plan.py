"""A plan owns its temporary tables: no other plan reads or writes them, and leaving the plan drops them."""

import pytest
from django.db import DataError, connection, transaction
from django.utils import timezone

from config.testing.builders import MIDNIGHT, bars
from config.testing.undo import MINUTES_PER_DAY, change_volume, list_bars
from ingestion.errors import DatabaseFailure
from ingestion.undo.days import classify_days
from ingestion.undo.plan import SkippedBar, UndoCounts, UndoPlan
from marketdata.models import Bar, BarRevision, IngestRun


def create_plan(cursor, undone: IngestRun) -> UndoPlan:
    return UndoPlan(cursor, undone, classify_days(cursor, undone))


def list_temporary_tables(cursor) -> list[str]:
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r' ORDER BY relname"
    )
    return [name for (name,) in cursor.fetchall()]


def test_a_plan_counts_and_names_the_bars_and_writes_none(market_db, file):
    first = file(bars(10))
    second = file(change_volume(bars(12), 2, 3))
    before = list_bars()
    with transaction.atomic(), connection.cursor() as cursor:
        with create_plan(cursor, first) as plan:
            assert plan.counts == UndoCounts(removed=8, changed_back=0, restored=0)
            assert (plan.skipped.count, plan.skipped.by_run) == (2, {second.pk: 2})
            assert plan.skipped.first[0] == SkippedBar("CME_MINI:MNQ1!", MIDNIGHT.replace(minute=2), second.pk)
            assert plan.runs_undone_before == ()
        with create_plan(cursor, second) as plan:
            assert plan.counts == UndoCounts(removed=2, changed_back=2, restored=0)
            assert (plan.counts.total, plan.skipped.count, plan.skipped.first) == (4, 0, ())
    assert list_bars() == before


def test_leaving_a_plan_drops_its_tables_inside_a_longer_transaction(market_db, file):
    run = file(bars(5))
    with transaction.atomic(), connection.cursor() as cursor:
        with create_plan(cursor, run):
            assert len(list_temporary_tables(cursor)) == 4
        assert list_temporary_tables(cursor) == []


def test_an_error_that_leaves_a_plan_drops_its_tables_too(market_db, file):
    run = file(bars(5))
    with transaction.atomic(), connection.cursor() as cursor:
        with pytest.raises(KeyError, match="own"), create_plan(cursor, run):
            raise KeyError("own")
        assert list_temporary_tables(cursor) == []


def test_a_database_error_that_leaves_a_plan_is_not_hidden(market_db, file):
    run = file(bars(5))
    with (
        pytest.raises(DataError, match="division by zero"),
        transaction.atomic(),
        connection.cursor() as cursor,
        create_plan(cursor, run),
    ):
        cursor.execute("SELECT 1 / 0")
    with connection.cursor() as cursor:
        assert list_temporary_tables(cursor) == []


def test_an_error_of_an_inner_block_without_a_savepoint_is_not_hidden(market_db, file):
    run = file(bars(5))
    with (
        pytest.raises(KeyError, match="own"),
        transaction.atomic(),
        connection.cursor() as cursor,
        create_plan(cursor, run),
        transaction.atomic(savepoint=False),
    ):
        raise KeyError("own")


def test_the_end_of_the_transaction_drops_the_tables_of_a_plan_that_is_not_left(market_db, file):
    run = file(bars(5))
    with connection.cursor() as cursor:
        with transaction.atomic():
            create_plan(cursor, run)
        assert list_temporary_tables(cursor) == []


def test_two_plans_of_one_transaction_have_tables_of_their_own(market_db, file):
    first, second = file(bars(5)), file(bars(4, first=MINUTES_PER_DAY))
    undos = [
        IngestRun.objects.create(file_name="undo", started_at=timezone.now(), undoes=run, kind="undo")
        for run in (first, second)
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        with create_plan(cursor, first) as one, create_plan(cursor, second) as other:
            assert len(list_temporary_tables(cursor)) == 8
            assert (one.counts.removed, other.counts.removed) == (5, 4)
            one.write(undo_id=undos[0].pk)
            assert set(Bar.objects.values_list("ingestion_run", flat=True)) == {second.pk}
            other.write(undo_id=undos[1].pk)
        assert not Bar.objects.exists()
        assert BarRevision.objects.filter(revised_by=undos[0], ingestion_run=first).count() == 5
        assert BarRevision.objects.filter(revised_by=undos[1], ingestion_run=second).count() == 4
        assert list_temporary_tables(cursor) == []


def test_bars_that_another_program_changes_meanwhile_stop_the_undo(market_db, file):
    run = file(bars(5))
    undo = IngestRun.objects.create(file_name="undo", started_at=timezone.now(), undoes=run, kind="undo")
    message = r"Another program changed the table while it was written \(4 bars where 5 were counted\)"
    with (
        pytest.raises(DatabaseFailure, match=message),
        transaction.atomic(),
        connection.cursor() as cursor,
        create_plan(cursor, run) as plan,
    ):
        Bar.objects.filter(ts=MIDNIGHT).delete()
        plan.write(undo_id=undo.pk)
    assert Bar.objects.count() == 5
