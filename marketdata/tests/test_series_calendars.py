"""The sentence about a series' calendar, and where it is shown."""

import pytest
from django.contrib.auth import get_user_model

from config.testing.builders import bars, ingest, several, write
from marketdata.models import Series
from marketdata.series_calendars import describe_calendar, propose_for_symbol

CORN = "CMEGlobex_Grains, because ZC is a grain or oilseed of CBOT."


def create(symbol: str, calendar: str = "", dataset: str = "GLBX.MDP3", **fields) -> Series:
    return Series.objects.create(slug=symbol.lower(), symbol=symbol, dataset=dataset, calendar=calendar, **fields)


@pytest.mark.parametrize(
    ("symbol", "calendar", "sentence"),
    [
        ("ZCH2024", "CMEGlobex_Grains", CORN),
        ("ZCH2024", "", f"No calendar is set. Its product has {CORN}"),
        ("ZCH2024", "NYSE", f"NYSE, set by hand. Its product has {CORN}"),
        ("HPH2024", "", "No calendar: HP is in no table of products; set one in the admin."),
        ("HPH2024", "NYSE", "NYSE, set by hand: HP is in no table of products."),
    ],
)
def test_the_sentence_reports_what_is_set_and_what_the_product_has(market_db, symbol, calendar, sentence):
    assert describe_calendar(create(symbol, calendar)) == sentence


def test_the_symbols_of_files_count_more_than_the_symbol_of_the_series():
    assert propose_for_symbol("GOLD", "GLBX.MDP3", ["GC.c.0"]).calendar == "CMEGlobex_Metals"
    assert propose_for_symbol("ESZ5", "GLBX.MDP3", ["GCZ5"]).calendar == "CMEGlobex_Metals"
    assert propose_for_symbol("ESZ5", "GLBX.MDP3", ["UD:1V: VT 1"]).calendar == "CME Globex Equity"
    assert propose_for_symbol("GOLD", "GLBX.MDP3", root="GC").calendar == "CMEGlobex_Metals"
    assert propose_for_symbol("GOLD", "GLBX.MDP3", ["GCZ5", "ESZ5"]).calendar == ""


def test_a_series_without_bars_has_the_product_of_the_symbols_that_it_claims(market_db):
    mnq = Series.objects.get(slug="mnq")
    reason = "CME Globex Equity, because MNQ is an equity index product of CME."
    assert describe_calendar(mnq) == reason
    ingest_mnq = create("GOLD", "CMEGlobex_Metals", vendor_symbols=["GC.c.0", "GC[GJ][0-9]"])
    assert describe_calendar(ingest_mnq) == "CMEGlobex_Metals, because GC is a metal of COMEX."


def test_a_series_of_any_dataset_has_the_calendar_of_its_files(market_db, tmp_path):
    ingest(several(tmp_path / "a.dbn", {"NVDA": bars(2, instrument_id=9)}, dataset="XNAS.ITCH"))
    Series.objects.filter(symbol="NVDA").update(dataset="")
    assert describe_calendar(Series.objects.get(symbol="NVDA")) == "NYSE, because XNAS.ITCH has US equities."
    assert describe_calendar(create("AAPL", dataset="")).startswith("No calendar: the dataset is not known;")


@pytest.fixture
def user(market_db, client):
    """A user of the pages; the test sets its rights."""
    user = get_user_model().objects.create_user("reader", password="not a secret 1")
    client.force_login(user)
    yield user
    user.delete()


def test_the_page_shows_the_reason_and_staff_get_a_link(client, user, tmp_path):
    ingest(write(tmp_path / "a.dbn", bars(3)))
    create("ZCH2024")
    reason = "CME Globex Equity, because MNQ is an equity index product of CME."
    assert f'<p class="hint" id="calendar-reason">{reason}</p>' in client.get("/series/mnq/").content.decode()
    empty = client.get("/series/zch2024/").content.decode()
    assert f'<p class="hint" id="calendar-reason">No calendar is set. Its product has {CORN}</p>' in empty

    get_user_model().objects.filter(pk=user.pk).update(is_staff=True)
    address = f"/admin/marketdata/series/{Series.objects.get(slug='zch2024').pk}/change/"
    empty = client.get("/series/zch2024/").content.decode()
    assert f'Its product has {CORN} <a href="{address}">Set it in the admin</a>.</p>' in empty


def test_the_form_of_the_admin_shows_the_reason(client, user):
    get_user_model().objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    address = f"/admin/marketdata/series/{create('ZCH2024', 'NYSE').pk}/change/"
    assert f"NYSE, set by hand. Its product has {CORN}" in client.get(address).content.decode()
    assert "Shown once the series is stored." in client.get("/admin/marketdata/series/add/").content.decode()
