"""The tick size of a series in the API, on its page, in the admin, and after the migration."""

from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection

from config.testing.builders import ingest, write
from config.testing.database.scratch import scratch_database
from config.testing.reference.price_steps import build_priced_bars, check_steps
from config.testing.rollup import at, bar_row, insert_bars
from config.testing.rows import RUNS, SERIES, insert
from marketdata.bars.tick_size import MIN_BARS
from marketdata.models import Series


@pytest.fixture
def staff(market_db, client):
    """A client of staff, and mnq without the tick size that the migration sets."""
    mnq = Series.objects.filter(slug="mnq")
    mnq.update(tick_size=None)
    user = get_user_model().objects.create_superuser("operator", password="not a secret 1")
    client.force_login(user)
    yield client
    user.delete()
    mnq.update(tick_size=Decimal("0.25"), price_step=None)


def read_entry(client) -> tuple:
    (entry,) = client.get("/api/market-data/").json()
    return entry["tick_size"], entry["tick_size_source"]


def read_page(client) -> str:
    return " ".join(client.get("/series/mnq/").content.decode().split())


def read_form(client) -> str:
    return client.get(f"/admin/marketdata/series/{Series.objects.get(slug='mnq').pk}/change/").content.decode()


def test_it_is_unknown_with_fewer_bars(staff, tmp_path):
    ingest(write(tmp_path / "a.dbn", build_priced_bars(["1.5", "2"], count=MIN_BARS - 1)))
    assert read_entry(staff) == (None, None)
    assert 'data-tick=""' in read_page(staff)
    assert '<dd id="tick-size">unknown <small class="muted">fewer than 2,000 bars</small></dd>' in read_page(staff)
    assert "Unknown: it needs 2,000 bars, not all with price 0." in read_form(staff)


def test_it_is_found_from_the_bars(staff, tmp_path):
    ingest(write(tmp_path / "a.dbn", build_priced_bars(["110.015625", "110.03125"], count=MIN_BARS)))
    assert read_entry(staff) == ("0.015625", "bars")
    assert 'data-tick="0.015625"' in read_page(staff)
    assert '<dd id="tick-size">0.015625 <small class="muted">found from the bars</small></dd>' in read_page(staff)
    assert '<div class="readonly">0.015625</div>' in read_form(staff)


def test_the_one_that_is_set_is_shown_beside_the_one_that_is_found(staff, tmp_path):
    ingest(write(tmp_path / "a.dbn", build_priced_bars(["1.5", "2"], count=MIN_BARS)))
    Series.objects.filter(slug="mnq").update(tick_size=Decimal("0.25"))
    assert read_entry(staff) == ("0.25", "set")
    assert 'data-tick="0.25"' in read_page(staff)
    assert '<dd id="tick-size">0.25 <small class="muted">set in the admin</small></dd>' in read_page(staff)
    assert '<div class="readonly">0.5</div>' in read_form(staff)


def test_prices_that_are_all_zero(staff, tmp_path):
    ingest(write(tmp_path / "a.dbn", build_priced_bars(["0"], count=MIN_BARS)))
    assert read_entry(staff) == (None, None)
    assert '<small class="muted">all prices are 0</small>' in read_page(staff)


def test_saving_the_form_keeps_what_runs_store(staff, tmp_path):
    ingest(write(tmp_path / "a.dbn", build_priced_bars(["1.5", "2"], count=3)))
    mnq = Series.objects.get(slug="mnq")
    fields = {"slug": "mnq", "name": "Mine", "vendor": mnq.vendor, "dataset": mnq.dataset, "calendar": mnq.calendar}
    fields |= {"vendor_symbols": ",".join(mnq.vendor_symbols), "tick_size": ""}
    name = mnq.name
    response = staff.post(f"/admin/marketdata/series/{mnq.pk}/change/", fields)
    assert response.status_code == 302, response.content.decode()
    mnq.refresh_from_db()
    assert (mnq.name, mnq.price_step, mnq.kind) == ("Mine", Decimal("0.5"), "continuous")
    Series.objects.filter(slug="mnq").update(name=name)


@pytest.mark.slow
def test_the_migration_finds_the_steps_of_stored_bars(market_db):
    with scratch_database():
        call_command("migrate", "marketdata", "0010_contracts", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_aggregate")
            before = cursor.fetchone()
        insert(RUNS)
        for symbol in ("A", "EMPTY"):
            insert(SERIES, slug=symbol.lower(), symbol=symbol)
        insert_bars([bar_row("A", at(minute), minute % 7) for minute in range(50)])
        call_command("migrate", verbosity=0)
        assert list(check_steps()) == ["A"]
        assert Series.objects.get(symbol="A").price_step > 0
        assert Series.objects.get(symbol="EMPTY").price_step is None
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_aggregate")
            assert cursor.fetchone() == before
