"""A database of any earlier release becomes what a new installation is, and keeps its data."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.db.migrations.recorder import MigrationRecorder

from config.testing.database.scratch import migrated_database, scratch_database
from config.testing.rollup import assert_rollup_matches, at, bar_row, insert_bars
from config.testing.rows import RUNS, SERIES, execute, execute_one, insert
from marketdata.database import UnusableDatabase, require_database
from marketdata.models import Bar, HourlyBar, IngestRun, Series
from marketdata.rollup.verify import verify_candles

from .releases import RELEASES, RENAMED, add_data, migrate_to, read_data
from .schema import drop_column_numbers, read_schema

pytestmark = pytest.mark.ordinary_role

LATER = [
    "0009_database_functions",
    "0010_contracts",
    "0011_found_tick_size",
    "0012_access",
    "0013_jobs",
    "0014_rollup_corrections",
    "0015_feeds",
    "0016_live",
    "0017_quality",
    "0018_alerts",
    "0019_partitions",
]


@pytest.fixture
def fresh_schema(market_db) -> dict[str, set[tuple]]:
    """The test database is a new installation."""
    return read_schema()


@pytest.mark.parametrize(
    "release", [RELEASES[0], *(pytest.param(one, marks=pytest.mark.slow) for one in RELEASES[1:-1]), RELEASES[-1]]
)
def test_an_upgraded_database_equals_a_new_one_when_it_is_partitioned(fresh_schema, release):
    """An upgrade leaves a table with bars whole, and everything works with it."""
    with scratch_database():
        migrate_to(release)
        add_data(release)
        data = read_data()
        with pytest.raises(UnusableDatabase, match=lacks_all_after(release)):
            require_database()
        call_command("migrate", verbosity=0)

        assert without_partitions(read_schema()) == without_partitions(fresh_schema)
        assert find_kind() == "r"
        check_data(release, data)
        insert_bars([bar_row("A", at(1), 1)])
        assert_rollup_matches()

        data = read_data()
        partition_bars()
        for what, expected in fresh_schema.items():
            assert read_schema()[what] == expected
        check_data(release, data)
        insert_bars([bar_row("A", at(2), 1)])
        assert_rollup_matches()


def partition_bars() -> None:
    call_command("partition_bars", stdout=io.StringIO())


def without_partitions(schema: dict[str, set[tuple]]) -> dict[str, set[tuple]]:
    """Without what PostgreSQL states in another way of a partitioned table, its indexes and its key."""
    storage = {row for row in schema["storage parameters"] if row[0] not in BARS_RELATIONS}
    indexes = {(table, index) for table, index, _ in schema["indexes"]}
    return schema | {"storage parameters": storage, "indexes": indexes}


BARS_RELATIONS = ("market_bars_ohlcv_1m", "market_bars_ohlcv_1m_pkey", "bar_ts_brin", "bar_run_brin")


def find_kind() -> object:
    """r: whole; p: partitioned."""
    return execute_one("SELECT relkind::text FROM pg_class WHERE oid = 'market_bars_ohlcv_1m'::regclass")


def check_data(release: str, data: dict[str, list[tuple]]) -> None:
    assert read_data() == data
    assert_rollup_matches()
    assert not any(verdict.difference_count for verdict in verify_candles())
    require_database()
    call_command("migrate", check_unapplied=True, verbosity=0)
    check_series(release)
    check_kinds(release)


def lacks_all_after(release: str) -> str:
    """The squashed migration does not count beside those that it replaces."""
    missing = [*RELEASES[RELEASES.index(release) + 1 :], *LATER]
    return rf"lacks {len(missing)} migrations? \(first: marketdata\.{missing[0]}\)"


def check_series(release: str) -> None:
    """Only a release before 0003 lacks mnq. A series that was renamed is neither added again nor reset."""
    renamed = Series.objects.get(slug=RENAMED["slug"])
    assert renamed.symbol == RENAMED["symbol"]
    others = list(Series.objects.exclude(pk=renamed.pk).values_list("slug", flat=True))
    if release < "0003":
        assert others == ["mnq"]
    else:
        assert (others, renamed.name) == ([], "Mine")


def check_kinds(release: str) -> None:
    kinds = dict(IngestRun.objects.values_list("pk", "kind"))
    assert kinds == {1: "file", 2: "file"} | ({3: "undo"} if release >= "0005" else {})


def test_all_replaced_migrations_are_recorded_so_that_their_files_can_go(fresh_schema):
    recorded = {name for app, name in MigrationRecorder(connection).applied_migrations() if app == "marketdata"}
    assert {*RELEASES, SQUASHED, *LATER} <= recorded


def test_a_new_database_has_the_mnq_series_once_and_everything_can_be_reversed_and_applied_again(fresh_schema):
    with scratch_database():
        call_command("migrate", verbosity=0)
        assert list(Series.objects.values_list("slug", "symbol")) == [("mnq", "CME_MINI:MNQ1!")]
        assert read_schema() == fresh_schema
        call_command("migrate", "marketdata", "zero", verbosity=0)
        left = read_schema()
        assert left["functions"] == left["triggers"] == set()
        assert not any(table.startswith(("market_", "data_ingest")) for table, *_ in left["columns"])
        call_command("migrate", verbosity=0)
        assert read_schema() == fresh_schema


def test_reversed_to_the_last_release_the_rules_hold(market_db):
    with migrated_database():
        call_command("migrate", "marketdata", "0001_squashed_0008_bars_in_calendars", verbosity=0)
        insert(RUNS)
        insert_bars([bar_row("A", at(1), 1)])
        assert execute_one("SELECT count(*) FROM market_bars_ohlcv_1h") == 1
        with pytest.raises(IntegrityError, match="names an ingest run that does not exist"):
            insert_bars([bar_row("A", at(3), 1, run_id=9)])


SQUASHED = "0001_squashed_0008_bars_in_calendars"


@pytest.mark.slow
@pytest.mark.parametrize("target", [*reversed(RELEASES), SQUASHED, "zero"])
def test_migrating_back_and_forth_leaves_the_newest_schema(fresh_schema, target):
    with migrated_database():
        add_data("0004_browsable_bar")  # no undo: 0005 adds undos
        data = read_data()
        call_command("migrate", "marketdata", target, verbosity=0)
        if target != "zero":
            assert read_data() == data
        call_command("migrate", verbosity=0)
        partition_bars()
        assert drop_column_numbers(read_schema()) == drop_column_numbers(fresh_schema)
        require_database()
        if target != "zero":
            assert read_data() == data
        assert_rollup_matches()
        insert(RUNS, id=7)
        insert_bars([bar_row("A", at(1), 1, run_id=7)])
        assert_rollup_matches()


@pytest.mark.slow
def test_undos_are_not_lost_by_migrating_back(fresh_schema):
    with scratch_database():
        migrate_to("0008_bars_in_calendars")
        add_data("0008_bars_in_calendars")
        data = read_data()
        call_command("migrate", verbosity=0)
        with pytest.raises(
            CommandError, match="0005_undo cannot be reversed: undos or replaced instruments are stored"
        ):
            call_command("migrate", "marketdata", "0002_run_integrity", verbosity=0)
        call_command("migrate", verbosity=0)
        partition_bars()
        assert drop_column_numbers(read_schema()) == drop_column_numbers(fresh_schema)
        assert read_data() == data
        assert_rollup_matches()
        check_kinds("0008")


@pytest.mark.parametrize("target", ["0008_bars_in_calendars", SQUASHED])
def test_reversing_the_newest_migration_restores_the_last_release(market_db, target):
    with scratch_database():
        migrate_to("0008_bars_in_calendars", privileged=False)
        released = read_schema()
    with scratch_database():
        call_command("migrate", "marketdata", SQUASHED, verbosity=0)
        assert in_marketdata(read_schema()) == in_marketdata(released)
        call_command("migrate", verbosity=0)
        call_command("migrate", "marketdata", target, verbosity=0)
        assert in_marketdata(read_schema()) == in_marketdata(released)


def in_marketdata(schema: dict[str, set[tuple]]) -> dict[str, set[tuple]]:
    """Without the tables of other apps."""
    own = ("market_", "data_ingest_")
    return {what: {row for row in rows if row[0].startswith(own)} for what, rows in schema.items()}


@pytest.mark.slow
@pytest.mark.parametrize("release", RELEASES[:2])
@pytest.mark.parametrize(
    "renamed",
    [
        {"slug": "nasdaq", "symbol": "CME_MINI:MNQ1!"},
        {"slug": "mnq", "symbol": "NQ MICRO"},
        {"slug": "nasdaq", "symbol": "NQ MICRO", "vendor_symbols": ["ES.c.0", "MNQ.c.0"]},
        {"slug": "nasdaq", "symbol": "NQ MICRO", "vendor_symbols": ["MNQ[HMUZ][0-9]"]},
        {"slug": "nasdaq", "symbol": "NQ MICRO", "vendor_symbols": ["MNQ*"], "dataset": ""},
    ],
)
def test_a_renamed_mnq_is_not_added_again(market_db, release, renamed):
    with scratch_database():
        migrate_to(release)
        insert(SERIES, **renamed)
        call_command("migrate", verbosity=0)
        assert list(Series.objects.values_list("slug", "symbol")) == [(renamed["slug"], renamed["symbol"])]


@pytest.mark.slow
@pytest.mark.parametrize("other", [{"vendor_symbols": ["NQ*"]}, {"vendor_symbols": ["MNQ*"], "dataset": "XNAS.ITCH"}])
def test_mnq_is_added_beside_a_series_that_does_not_claim_its_symbols(market_db, other):
    with scratch_database():
        migrate_to("0002_run_integrity")
        insert(SERIES, **other)
        call_command("migrate", verbosity=0)
        assert set(Series.objects.values_list("slug", flat=True)) == {"es", "mnq"}


def test_the_rollup_is_filled_from_bars_of_before_it_existed(market_db):
    with scratch_database():
        migrate_to("0005_undo")
        add_data("0005_undo")
        migrate_to("0006_hourly_ledger")
        assert_rollup_matches()
        assert HourlyBar.objects.count() > 10
        execute("DELETE FROM market_bars_ohlcv_1m WHERE symbol = 'B b'")
        assert_rollup_matches()
        assert Bar.objects.filter(symbol="B b").count() == 0


@pytest.mark.parametrize("release", RELEASES[5:])
def test_an_owner_who_is_no_superuser_can_write_bars_at_each_step(market_db, release):
    """The guards of these releases also refuse a direct write."""
    with scratch_database():
        migrate_to(release)
        add_data(release)
        assert_rollup_matches()
        with pytest.raises(IntegrityError, match="change the bars, not this table"):
            execute("DELETE FROM market_bars_ohlcv_1h")
