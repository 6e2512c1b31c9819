"""A database of any earlier release becomes what a new installation is, and keeps its data."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.db.migrations.recorder import MigrationRecorder

from config.testing.database.scratch import scratch_database
from config.testing.rollup import assert_rollup_matches, at, bar_row, insert_bars
from config.testing.rows import RUNS, SERIES, execute, execute_one, insert
from marketdata.database import UnusableDatabase, require_database
from marketdata.models import Bar, HourlyBar, IngestRun, Series
from marketdata.rollup.verify import verify_candles

from .releases import RELEASES, RENAMED, add_data, migrate_to, read_data
from .schema import read_schema

pytestmark = pytest.mark.ordinary_role


@pytest.fixture
def fresh_schema(market_db) -> dict[str, set[tuple]]:
    """The test database is a new installation."""
    return read_schema()


@pytest.mark.parametrize("release", RELEASES)
def test_an_upgraded_database_equals_a_new_one(fresh_schema, release):
    with scratch_database():
        migrate_to(release)
        add_data(release)
        data = read_data()
        with pytest.raises(UnusableDatabase, match=lacks_all_after(release)):
            require_database()
        call_command("migrate", verbosity=0)

        for what, expected in fresh_schema.items():
            assert read_schema()[what] == expected
        assert read_data() == data
        assert_rollup_matches()
        assert not any(verdict.difference_count for verdict in verify_candles())
        require_database()
        call_command("migrate", check_unapplied=True, verbosity=0)
        check_series(release)
        check_kinds(release)
        insert_bars([bar_row("A", at(1), 1)])
        assert_rollup_matches()


def lacks_all_after(release: str) -> str:
    """The squashed migration does not count beside those that it replaces."""
    missing = [*RELEASES[RELEASES.index(release) + 1 :], "0009_database_functions"]
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
    assert {*RELEASES, "0001_squashed_0008_bars_in_calendars", "0009_database_functions"} <= recorded


def test_a_new_database_has_the_mnq_series_once(fresh_schema):
    with scratch_database():
        call_command("migrate", verbosity=0)
        assert list(Series.objects.values_list("slug", "symbol")) == [("mnq", "CME_MINI:MNQ1!")]
        assert read_schema() == fresh_schema


def test_everything_can_be_reversed_and_applied_again(fresh_schema):
    with scratch_database():
        call_command("migrate", verbosity=0)
        call_command("migrate", "marketdata", "zero", verbosity=0)
        left = read_schema()
        assert left["functions"] == left["triggers"] == set()
        assert not any(table.startswith(("market_", "data_ingest")) for table, *_ in left["columns"])
        call_command("migrate", verbosity=0)
        assert read_schema() == fresh_schema


def test_reversed_to_the_last_release_the_rules_hold(market_db):
    with scratch_database():
        call_command("migrate", verbosity=0)
        call_command("migrate", "marketdata", "0001_squashed_0008_bars_in_calendars", verbosity=0)
        insert(RUNS)
        insert_bars([bar_row("A", at(1), 1)])
        assert execute_one("SELECT count(*) FROM market_bars_ohlcv_1h") == 1
        with pytest.raises(IntegrityError, match="names an ingest run that does not exist"):
            insert_bars([bar_row("A", at(3), 1, run_id=9)])


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
