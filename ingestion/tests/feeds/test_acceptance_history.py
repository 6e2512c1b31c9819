"""`manage.py backfill` and history: holes, time off, closed and unresolved days, days that the vendor changes."""

from __future__ import annotations

import json
import resource
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.db import connection

from config.testing.builders import ingest, undo_run
from config.testing.feeds.dbn_files import encode_stream
from config.testing.feeds.historical import FakeHistorical
from config.testing.feeds.queries import Query
from config.testing.feeds.times import DAY, to_day, to_iso, to_ns
from marketdata.models import Bar, FeedRequest, Series

from .scene import Scene, read_bars

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("market_db"), pytest.mark.timeout(300)]
STREAM = "timeseries.get_range"


@pytest.fixture
def scene(historical: FakeHistorical, tmp_path: Path) -> Scene:
    found = Scene(historical, tmp_path / "feeds")
    found.in_process = True
    return found


def fill(scene: Scene, start: str, end: str, **options: object) -> None:
    scene.start, scene.end = start, end
    scene.run(code=0)


def list_bought(scene: Scene) -> list[tuple[str, str]]:
    """First and last time of each purchase, to the minute."""
    return [(to_iso(p.query.start)[:16], to_iso(p.query.end)[:16]) for p in scene.server.purchases]


def test_only_the_hole_in_the_middle_is_bought(scene):
    fill(scene, "2024-03-04", "2024-03-06")
    fill(scene, "2024-03-08", "2024-03-12")
    before = len(scene.server.purchases)
    fill(scene, "2024-03-04", "2024-03-12")
    assert list_bought(scene)[before:] == [("2024-03-06T00:00", "2024-03-08T00:00")]
    assert FeedRequest.objects.latest("id").reason == "hole"
    scene.finish()
    assert scene.server.bought_twice() == []


def test_a_range_is_cut_at_months(scene):
    fill(scene, "2024-02-27", "2024-04-02")
    assert list_bought(scene) == [
        ("2024-02-27T00:00", "2024-03-01T00:00"),
        ("2024-03-01T00:00", "2024-04-01T00:00"),
        ("2024-04-01T00:00", "2024-04-02T00:00"),
    ]
    scene.finish()


def delete_bars(start: str, end: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM market_bars_ohlcv_1m WHERE ts >= %s AND ts < %s", [f"{start}Z", f"{end}Z"])
        return cursor.rowcount


@pytest.mark.parametrize("span", [("2024-03-11T10:00", "2024-03-11T10:01"), ("2024-03-11T00:00", "2024-03-13T00:00")])
def test_lost_bars_come_from_the_kept_file(scene, span):
    scene.run(code=0)
    assert delete_bars(*span)
    scene.run(code=0)
    assert len(scene.server.purchases) == 1
    assert scene.read_table() == scene.read_market()
    scene.finish()
    assert len(scene.server.purchases) == 1


@pytest.mark.parametrize("damage", ["gone", "cut", "changed"])
def test_lost_bars_without_the_kept_file_are_bought_again(scene, damage):
    scene.run(code=0)
    delete_bars("2024-03-11T10:00", "2024-03-11T11:00")
    for path in scene.find_files():
        if ".dbn" in path.name:
            path.chmod(0o600)
            content = path.read_bytes()
            path.write_bytes(content[:-9] if damage == "cut" else content[:-1] + bytes([content[-1] ^ 255]))
            if damage == "gone":
                path.unlink()
    scene.run(code=0)
    assert [request["reason"] for request in scene.list_requests()] == ["missing", "file_lost"]
    scene.may_buy_again = True
    scene.finish()
    assert len(scene.server.purchases) == 2


def test_an_undone_run_comes_back_from_its_kept_file(scene):
    scene.run(code=0)
    run = FeedRequest.objects.get().run_id
    undo_run(run)
    assert scene.read_table() == {}
    scene.finish()
    assert len(scene.server.purchases) == 1


def test_a_file_that_was_loaded_by_hand_is_verified_and_not_bought(scene, tmp_path):
    load_by_hand(scene, tmp_path, scene.start, scene.end)
    fill(scene, scene.start, scene.end)
    assert scene.server.purchases == []
    scene.finish()
    assert scene.server.purchases == []


def test_only_days_that_differ_from_a_file_by_hand_are_bought(scene, tmp_path):
    scene.end = "2024-03-15"
    load_by_hand(scene, tmp_path, scene.start, scene.end)
    delete_bars("2024-03-13T10:00", "2024-03-13T11:00")
    scene.run(code=0)
    assert list_bought(scene) == [("2024-03-13T00:00", "2024-03-14T00:00")]
    scene.finish()


def load_by_hand(scene: Scene, folder: Path, start: str, end: str) -> None:
    query = Query(("MNQ.c.0",), "continuous", "ohlcv-1m", to_ns(start), to_ns(end))
    options = {"as_of": scene.server.now(), "frame_records": 1000, "compression": "zstd"}
    path = folder / "by-hand.dbn.zst"
    path.write_bytes(b"".join(encode_stream(scene.server.market, query, **options)))
    ingest(path)


@pytest.mark.parametrize(
    "start, end",
    [
        ("2024-03-09", "2024-03-10"),  # a Saturday
        ("2024-03-09", "2024-03-10T22:00"),  # until the market opens
        ("2024-03-08T22:00", "2024-03-10T22:00"),
        ("2024-03-11T21:00", "2024-03-11T22:00"),  # the daily hour
    ],
)
def test_a_closed_range_costs_nothing_and_is_known(scene, start, end):
    fill(scene, start, end)
    assert scene.server.purchases == []
    scene.finish()
    assert scene.server.purchases == []


def test_a_holiday_is_known_to_be_empty(scene):
    """On a weekday, which the project's calendar may not know."""
    scene.server.market.holidays = {date(2024, 3, 12), date(2024, 3, 13)}
    fill(scene, "2024-03-12", "2024-03-13")
    assert scene.server.purchases == []
    fill(scene, "2024-03-11", "2024-03-15")
    scene.finish()
    assert scene.server.bought_twice() == []


def test_a_week_with_its_weekend(scene):
    fill(scene, "2024-03-06", "2024-03-13")
    assert len(scene.server.purchases) == 1
    scene.finish()


def test_the_roll_is_within_the_range(scene):
    fill(scene, "2024-03-13", "2024-03-20")
    scene.finish()
    assert len(set(Series.objects.get(slug="mnq").instruments.values_list("instrument_id", flat=True))) == 2


@pytest.mark.parametrize("start, end", [("2022-01-03", "2022-01-05"), ("2024-07-01", "2024-07-03")])
def test_a_contract_that_was_not_listed(scene, start, end):
    """MNQM4 is listed from March 2023 to June 2024."""
    add_series("MNQM4", "raw_symbol")
    scene.server.now = lambda: to_ns("2024-12-01")
    scene.run_with("mnqm4", start, end)
    assert scene.server.purchases == []
    posts = scene.count_posts()
    scene.run_with("mnqm4", start, end)
    assert scene.count_posts() == posts


def add_series(symbol: str, stype: str, **fields: object) -> Series:
    slug = symbol.lower().replace(".", "-")
    return Series.objects.create(
        slug=slug,
        symbol=symbol,
        dataset="GLBX.MDP3",
        vendor_symbols=[] if stype == "parent" else [symbol],
        calendar="CME Globex Equity",
        feed_symbol=symbol,
        feed_stype=stype,
        **fields,
    )


def test_a_contract_over_a_weekend_and_its_expiry(scene):
    add_series("MNQH4", "raw_symbol")
    scene.run_with("mnqh4", "2024-03-07", "2024-03-20")
    scene.start, scene.end = "2024-03-07", "2024-03-20"
    assert read_bars("MNQH4") == scene.read_market("MNQH4", "raw_symbol")
    posts = scene.count_posts()
    scene.run_with("mnqh4", "2024-03-07", "2024-03-20")
    assert scene.count_posts() == posts


def test_a_parent_fills_one_series_for_each_contract(scene):
    add_series("MNQ.FUT", "parent")
    span = ("2024-03-11", "2024-03-13")
    scene.run_with("mnq-fut", *span)
    scene.start, scene.end = span
    for symbol, raw in (("MNQH2024", "MNQH4"), ("MNQM2024", "MNQM4")):
        assert read_bars(symbol) == scene.read_market(raw, "raw_symbol"), symbol
    assert len(scene.server.purchases) == 1
    posts = scene.count_posts()
    scene.run_with("mnq-fut", *span)
    assert scene.count_posts() == posts
    assert len(scene.server.purchases) == 1


def test_three_symbols_of_one_command(scene):
    add_series("MNQM4", "raw_symbol")
    add_series("ES.c.0", "continuous")
    scene.run_with("mnq mnqm4 es-c-0", scene.start, scene.end)
    assert scene.read_table() == scene.read_market()
    assert read_bars("MNQM4") == scene.read_market("MNQM4", "raw_symbol")
    assert read_bars("ES.c.0") == scene.read_market("ES.c.0")
    assert len(scene.server.purchases) == 3


# Days that the vendor changes


def at(scene: Scene, when: str) -> None:
    """Set the vendor's clock."""
    now = to_ns(when)
    scene.server.now = lambda: now


def test_a_degraded_day_is_bought_again_once_it_was_modified(scene):
    at(scene, "2024-03-20")
    scene.server.market.lose("2024-03-11T10:00", "2024-03-11T11:00", restored="2024-03-25")
    fill(scene, "2024-03-11", "2024-03-13")
    assert len(scene.server.purchases) == 1
    assert "2024-03-11 (degraded)" in FeedRequest.objects.get().warnings
    scene.run(code=0)
    assert len(scene.server.purchases) == 1, "degraded, but not modified"
    at(scene, "2024-03-26")
    scene.run(code=0)
    assert [request["reason"] for request in scene.list_requests()] == ["missing", "degraded"]
    assert list_bought(scene)[1:] == [("2024-03-11T00:00", "2024-03-12T00:00")]
    scene.may_buy_again = True
    scene.finish()
    assert len(scene.server.purchases) == 2


def test_a_revised_day_is_bought_again_and_an_old_one_is_listed(scene):
    market = scene.server.market
    market.revise("2024-03-12T10:00", "2024-03-12T12:00", at="2024-04-10")
    market.revise("2024-03-11T10:00", "2024-03-11T12:00", at="2024-07-01")
    at(scene, "2024-04-01")
    fill(scene, "2024-03-11", "2024-03-13")
    at(scene, "2024-04-11")
    scene.run(code=0)
    assert list_bought(scene)[1:] == [("2024-03-12T00:00", "2024-03-13T00:00")]
    assert FeedRequest.objects.latest("id").reason == "revised"
    assert scene.read_table() == scene.read_market()
    at(scene, "2024-07-02")
    ended = scene.run(code=0)
    assert len(scene.server.purchases) == 2, "older than 90 days"
    assert "2024-03-11" in ended.out
    scene.run("--include-revised", code=0)
    assert list_bought(scene)[2:] == [("2024-03-11T00:00", "2024-03-12T00:00")]
    assert scene.read_table() == scene.read_market()
    posts = scene.count_posts()
    scene.run("--include-revised", code=0)
    assert scene.count_posts() == posts


def test_a_re_encoded_archive_buys_nothing_old(scene):
    """Every day is modified at once."""
    at(scene, "2024-09-01")
    fill(scene, "2024-01-02", "2024-03-13")
    before = len(scene.server.purchases)
    scene.server.market.revise("2010-01-01", "2024-09-01", at="2024-09-02")
    at(scene, "2024-09-03")
    scene.run(code=0)
    assert len(scene.server.purchases) == before


def test_a_missing_day_is_bought_when_the_vendor_has_it(scene):
    market = scene.server.market
    market.missing.add(date(2024, 3, 12))
    market.lose("2024-03-12", "2024-03-13", restored="2024-04-01")
    at(scene, "2024-03-20")
    fill(scene, "2024-03-11", "2024-03-14")
    posts = scene.count_posts()
    scene.run(code=0)
    assert scene.count_posts() == posts
    market.missing.clear()
    at(scene, "2024-04-02")
    scene.run(code=0)
    assert scene.read_table() == scene.read_market()


def test_the_licence_ends_a_day_ago_and_moves_on(scene):
    at(scene, "2024-03-14T15:30")
    scene.start, scene.end = "2024-03-12", "2024-03-20"
    scene.run(code=0)
    assert scene.read_table() == scene.read_market_until("2024-03-13T15:30")
    posts = scene.count_posts()
    scene.run(code=0)
    assert scene.count_posts() == posts
    at(scene, "2024-03-16T01:00")
    scene.run(code=0)
    assert scene.read_table() == scene.read_market_until("2024-03-15T01:00")
    assert scene.server.bought_twice() == []


@pytest.mark.parametrize("days", [1, 3, 8, 35])
def test_days_off_then_one_run_is_one_full_load(scene, days):
    series = Series.objects.get(slug="mnq")
    Series.objects.filter(pk=series.pk).update(feed_daily=True, feed_start=date(2024, 3, 1))
    first = to_ns("2024-03-08T03:00")
    scene.start, scene.end = "2024-03-01", "2024-06-01"
    for now in (first, first + DAY, first + DAY * (1 + days)):
        scene.server.now = lambda now=now: now
        scene.run_daily()
        assert scene.read_table() == scene.read_market_until(to_iso(scene.server.available_end)[:16])
    assert scene.server.bought_twice() == []
    posts = scene.count_posts()
    scene.run_daily()
    assert scene.count_posts() == posts
    Series.objects.filter(pk=series.pk).update(feed_daily=False, feed_start=None)


@pytest.mark.parametrize("days", [-400, -3, 3, 400])
def test_the_machine_and_the_vendor_disagree_about_the_time(scene, days):
    now = scene.server.now() + days * DAY
    scene.server.now = lambda: now
    last = to_day(scene.server.available_end)
    fill(scene, str(last - timedelta(days=4)), str(last + timedelta(days=2)))
    assert scene.read_table() == scene.read_market_until(to_iso(scene.server.available_end)[:16])
    posts = scene.count_posts()
    scene.run(code=0)
    assert scene.count_posts() == posts


# The disk


@pytest.mark.parametrize("limit", [0, 5000, 30_000])
def test_a_full_disk(scene, limit):
    """Files cannot grow over a limit. Nothing is bought. Coverage is not measured, since its data would grow too."""
    with scene.open(COVERAGE_PROCESS_CONFIG="", COVERAGE_PROCESS_START="") as process:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        ended = scene.check(process.end(120), 1)
    assert "Traceback" not in ended.err
    assert scene.server.purchases == []
    assert "FEED_DIR" in ended.err
    scene.finish()


def test_a_folder_that_cannot_be_made(scene, tmp_path):
    (tmp_path / "file").write_text("")
    ended = scene.run(code=1, FEED_DIR=str(tmp_path / "file" / "feeds"))
    assert scene.server.purchases == []
    assert "FEED_DIR" in ended.err
    scene.finish()


# What is printed


def test_without_yes_or_a_terminal_the_plan_is_printed_and_nothing_bought(scene):
    with scene.open_without_yes() as process:
        ended = scene.check(process.end())
    assert scene.server.purchases == []
    assert "0.0" in ended.out
    with scene.open_without_yes("--dry-run") as process:
        scene.check(process.end(), 0)
    assert scene.server.purchases == []
    scene.finish()


def test_json_is_one_object(scene):
    for _ in range(2):
        ended = scene.run("--json", code=0)
        assert isinstance(json.loads(ended.out), dict)


@pytest.mark.parametrize(
    "key, code", [("", 1), ("db-wrongwrongwrongwrongwrongwrong", 1), ("  ", 1), ("db-bad\x01key", 1)]
)
def test_a_key_that_is_not_right(scene, key, code):
    ended = scene.run(code=code, DATABENTO_API_KEY=key)
    assert "DATABENTO_API_KEY" in ended.err or "key" in ended.err
    assert not key.strip() or key not in ended.out + ended.err
    scene.finish()


@pytest.mark.parametrize("amount", ["0.001", "0"])
def test_max_cost_only_lowers_the_cap(scene, amount):
    scene.run("--max-cost", amount, code=3)
    assert scene.server.purchases == []
    scene.server.variables["FEED_MAX_USD_PER_RUN"] = "0.001"
    scene.run("--max-cost", "50", code=3)
    assert scene.server.purchases == []
    scene.server.variables["FEED_MAX_USD_PER_RUN"] = "100"
    scene.finish()


def test_two_years_of_three_series(scene):
    add_series("NQ.c.0", "continuous")
    add_series("ES.c.0", "continuous")
    span = ("2022-03-01", "2024-03-01")
    scene.run_with("mnq nq-c-0 es-c-0", *span)
    scene.start, scene.end = span
    assert Bar.objects.count() > 2_000_000
    for symbol, market in ((Series.objects.get(slug="mnq").symbol, "MNQ.c.0"), ("NQ.c.0",) * 2, ("ES.c.0",) * 2):
        assert read_bars(symbol) == scene.read_market(market)
    posts = scene.count_posts()
    scene.run_with("mnq nq-c-0 es-c-0", *span)
    assert scene.count_posts() == posts
    assert scene.server.bought_twice() == scene.server.unpriced() == []
