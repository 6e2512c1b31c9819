"""Several ingests at once: no deadlock, every bar counted once, and each series created once."""

import threading
from pathlib import Path

from django.db import connection, transaction

from config.testing.builders import bars, exact, several, stored, write
from config.testing.processes import Process, backend_in, series_locked, session, until
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file
from marketdata.models import Bar, BarRevision, IngestRun, Series, SeriesInstrument

WAITING = "SELECT pg_advisory_xact_lock%"


def at_once(*files: tuple[Path, IngestOptions], rounds: int = 1) -> None:
    """Each file by a thread of its own, on its own connection, `rounds` times."""
    errors: list[BaseException] = []
    start = threading.Barrier(len(files))

    def work(path: Path, options: IngestOptions) -> None:
        try:
            for _ in range(rounds):
                start.wait(20)
                ingest_file(path=path, options=options)
        except BaseException as error:
            errors.append(error)
            start.abort()
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=file) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert errors == []


def test_three_processes_with_the_same_file_store_it_once(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(1000))
    with series_locked(), Process("--input", path) as a, Process("--input", path) as b, Process("--input", path) as c:
        until(lambda: count_waiting() == 3)
        release_all()
        assert [process.end().code for process in (a, b, c)] == [0, 0, 0]

    runs = IngestRun.objects.all()
    assert [run.status for run in runs] == ["success"] * 3
    assert sum(run.inserted_count for run in runs) == 1000
    assert sum(run.updated_count for run in runs) == 2000
    assert sum(run.changed_count for run in runs) == 0
    assert SeriesInstrument.current.count() == 1


def count_waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' AND query LIKE %s",
            [WAITING],
        )
        return cursor.fetchone()[0]


def release_all() -> None:
    """End the session that has the series locked."""
    with session() as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND query LIKE 'SELECT pg_advisory_lock%'"
        )


def test_two_runs_that_correct_each_other_leave_all_revisions(market_db, tmp_path):
    old, new = bars(50), bars(50)
    new["volume"] += 7
    files = [write(tmp_path / "old.dbn", old), write(tmp_path / "new.dbn", new)]

    at_once(*((path, IngestOptions()) for path in files), rounds=5)

    assert stored() in (exact(old), exact(new))
    runs = IngestRun.objects.all()
    assert sum(run.inserted_count for run in runs) == 50
    assert sum(run.updated_count for run in runs) == 450
    assert sum(run.changed_count for run in runs) == BarRevision.objects.count()


def test_overlapping_files_of_many_symbols_never_wait_for_each_other(market_db, tmp_path):
    def part(number: int):
        return bars(5, instrument_id=number)

    forth = several(tmp_path / "forth.dbn", {f"S{n}": part(n) for n in range(1, 41)})
    back = several(tmp_path / "back.dbn", {f"S{n}": part(n) for n in range(60, 20, -1)})

    at_once((forth, IngestOptions()), (back, IngestOptions()), (forth, IngestOptions()), rounds=8)

    assert Bar.objects.count() == 60 * 5
    assert sum(run.inserted_count for run in IngestRun.objects.all()) == 60 * 5
    assert set(IngestRun.objects.values_list("status", flat=True)) == {"success"}


def test_two_files_of_one_new_series_create_it_once(market_db, tmp_path):
    files = [write(tmp_path / f"{first}.dbn", bars(10, first=first)) for first in (0, 5, 10, 15)]

    for number in range(5):
        at_once(*((path, IngestOptions(symbol=f"NEW {number}")) for path in files))

    assert Series.objects.filter(symbol__startswith="NEW").count() == 5
    assert Bar.objects.count() == 5 * 25


def test_new_series_with_similar_symbols_get_different_slugs(market_db, tmp_path):
    """Different symbols, different locks, one slug: one gets it, the others a name of their own."""
    path = write(tmp_path / "mnq.dbn", bars(3), mappings={})
    symbols = ["NQ A", "NQ  A", "NQ-A", "nq a"]

    at_once(*((path, IngestOptions(symbol=symbol)) for symbol in symbols))

    assert {series.symbol for series in Series.objects.exclude(slug="mnq")} == set(symbols)
    slugs = Series.objects.exclude(slug="mnq").values_list("slug", flat=True)
    assert "nq-a" in slugs
    assert len(set(slugs)) == 4


def test_a_reader_never_waits_and_sees_all_of_a_file_or_nothing(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(100))
    with Process("--input", path) as process:
        with series_locked():
            until(lambda: backend_in(WAITING))
            assert stored() == {}
        seen = set()
        while not IngestRun.objects.filter(status="success").exists():
            seen.add(len(stored()))
        assert process.end().code == 0
    assert seen <= {0, 100}
    assert stored() == exact(bars(100))


def test_bars_committed_during_the_wait_are_seen_at_any_default_isolation(market_db):
    with market_db.cursor() as cursor:
        cursor.execute("SET default_transaction_isolation = 'repeatable read'")
        with transaction.atomic():
            cursor.execute("SHOW transaction_isolation")
            assert cursor.fetchone() == ("read committed",)
        cursor.execute("RESET default_transaction_isolation")
