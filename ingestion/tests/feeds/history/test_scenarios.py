"""After a backfill the table equals the market, bar by bar, whatever happened before; a second one asks nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from ingestion.feeds.folders import kept_file
from ingestion.tests.feeds.history.conftest import DAY, START, Trial
from marketdata.models import FeedRequest, KnownEmpty, Series, SeriesDay


def test_an_empty_table_is_filled_and_a_second_run_asks_nothing(trial: Trial):
    ended = trial.fill()
    trial.check_table()
    trial.check_money()
    assert [one["reason"] for one in ended.json["requests"]] == ["missing"]
    assert ended.json["inserted"] == len(trial.truth())
    days = SeriesDay.objects.order_by("day").values_list("records", flat=True)
    assert (len(days), sum(days)) == (5, len(trial.truth()))
    trial.fill_again()
    trial.check_table()


def test_three_series_are_filled(trial: Trial):
    trial.subscribe("nq", "NQ.c.0")
    trial.subscribe("es", "ES.c.0")
    ended = trial.fill()
    assert len(ended.json["requests"]) == 3
    trial.check_money()
    for slug, symbol in (("mnq", "MNQ.c.0"), ("nq", "NQ.c.0"), ("es", "ES.c.0")):
        stored = trial.stored(Series.objects.get(slug=slug).symbol)
        assert stored.tolist() == trial.truth(symbol).tolist()
    trial.fill_again()


def test_a_hole_that_was_never_loaded_is_filled(trial: Trial):
    trial.fill(end=START + DAY)
    trial.fill(start=START + 3 * DAY)
    ended = trial.fill()
    assert [(one["reason"], one["start"][:10], one["end"][:10]) for one in ended.json["requests"]] == [
        ("hole", "2024-03-05", "2024-03-07")
    ]
    trial.check_table()
    trial.check_money()
    trial.fill_again()


def test_deleted_bars_are_loaded_from_the_kept_file(trial: Trial):
    trial.fill()
    assert trial.delete_bars(START + DAY, START + DAY + timedelta(hours=3))
    before = len(trial.list_posts())
    ended = trial.fill()
    assert [(one["reload"], one["error"]) for one in ended.json["requests"]] == [(True, "")]
    assert trial.list_posts()[before:] == []
    trial.check_table()
    trial.check_money()
    trial.fill_again()


def test_without_the_kept_file_only_the_lost_days_are_bought_again(trial: Trial):
    trial.fill()
    kept_file(FeedRequest.objects.get()).unlink()
    trial.delete_bars(START + DAY, START + DAY + timedelta(hours=3))
    ended = trial.fill()
    assert [(one["reason"], one["start"][:10], one["end"][:10]) for one in ended.json["requests"]] == [
        ("file_lost", "2024-03-05", "2024-03-06")
    ]
    trial.check_table()
    trial.check_charges()
    trial.fill_again()


def test_an_undone_run_is_loaded_again(trial: Trial):
    from config.testing.builders import undo_run

    trial.fill()
    undo_run(FeedRequest.objects.get().run_id)
    assert len(trial.stored()) == 0
    ended = trial.fill()
    assert [one["reload"] for one in ended.json["requests"]] == [True]
    trial.check_table()
    trial.check_money()
    trial.fill_again()


def test_a_week_off_and_then_one_run_is_one_full_load(trial: Trial):
    trial.fill()
    trial.now += 7 * DAY
    trial.fill()
    trial.check_table()
    trial.check_money()
    trial.fill_again()


def test_days_one_after_another_are_one_full_load(trial: Trial):
    """Each run ends within a day, and the next goes on from there."""
    for hours in (0, 5, 31, 24, 24, 24, 24, 47):
        trial.now += timedelta(hours=hours)
        trial.fill()
    trial.check_table()
    trial.check_money()
    trial.fill_again()


def test_forty_days_cross_a_month_and_the_change_of_clocks(trial: Trial):
    trial.now += 35 * DAY
    ended = trial.fill()
    assert [one["start"][:10] for one in ended.json["requests"]] == ["2024-03-04", "2024-04-01"]
    trial.check_table()
    trial.check_money()
    trial.fill_again()


def test_a_closed_day_alone_is_counted_once_and_known_empty(trial: Trial):
    trial.now = datetime(2024, 3, 31, 12, tzinfo=UTC)
    trial.server.market.holidays = frozenset({date(2024, 3, 29)})
    trial.fill(start=START, end=datetime(2024, 3, 29, tzinfo=UTC))
    ended = trial.fill(end=datetime(2024, 3, 30, tzinfo=UTC))
    assert (ended.json["requests"], trial.list_posts()[-1]) == ([], "metadata.get_record_count")
    assert KnownEmpty.objects.get().why == "no_records"
    trial.fill_again(end=datetime(2024, 3, 30, tzinfo=UTC))
    trial.check_table(end=datetime(2024, 3, 30, tzinfo=UTC))


def test_a_saturday_is_not_asked_alone(trial: Trial):
    trial.now += timedelta(hours=15)  # history ends on Saturday at 03:00
    trial.fill()
    trial.now += timedelta(hours=20)
    trial.fill_again()
    trial.now += timedelta(hours=20)  # on Sunday at 19:00, before the session begins
    assert trial.fill().json["requests"] == []
    trial.fill_again()
    trial.now += timedelta(hours=4)
    trial.fill()
    trial.check_table()
    trial.check_money()


def test_times_are_kept_to_the_minute(trial: Trial):
    first, last = START + timedelta(hours=14, minutes=30), START + timedelta(hours=20, minutes=10)
    trial.fill(start=first, end=last)
    trial.check_table(start=first, end=last)
    trial.fill_again(start=first, end=last)
    trial.fill(start=START + timedelta(hours=10), end=START + timedelta(hours=11))
    trial.check_table(start=START + timedelta(hours=10), end=last)
    trial.fill()
    trial.check_table()
    trial.check_money()
    trial.fill_again()


def test_a_revised_day_is_bought_again_once(trial: Trial):
    trial.fill()
    day = START + 2 * DAY
    trial.server.market.revise(day + timedelta(hours=15), day + timedelta(hours=16), at=trial.now + DAY)
    trial.now += 2 * DAY
    ended = trial.fill()
    assert (ended.json["requests"][0]["reason"], ended.json["requests"][0]["start"][:10]) == ("revised", "2024-03-06")
    assert ended.json["changed"] > 50
    trial.check_table()
    trial.check_charges()
    trial.fill_again()


def test_a_degraded_day_is_bought_again_when_it_is_restored(trial: Trial):
    day = START + 2 * DAY
    trial.server.market.lose(day + timedelta(hours=15), day + timedelta(hours=16), restored=trial.now + DAY)
    ended = trial.fill()
    assert ended.json["plan"]["series"][0]["degraded_days"] == ["2024-03-06"]
    trial.check_table()
    trial.fill_again()
    trial.now += 2 * DAY
    ended = trial.fill()
    assert ended.json["requests"][0]["reason"] == "degraded"
    trial.check_table()
    trial.check_charges()
    trial.fill_again()


def test_an_old_revision_is_listed_and_bought_only_if_requested(trial: Trial):
    trial.fill(end=START + 4 * DAY)
    trial.server.market.revise(START + timedelta(hours=15), START + timedelta(hours=16), at=trial.now + 95 * DAY)
    trial.now += 100 * DAY
    ended = trial.fill(end=START + 4 * DAY)
    assert (ended.json["requests"], ended.json["plan"]["series"][0]["days_for_person"]) == ([], ["2024-03-04"])
    ended = trial.fill(end=START + 4 * DAY, include_revised=True)
    assert [one["reason"] for one in ended.json["requests"]] == ["revised"]
    trial.check_table(end=START + 4 * DAY)


def test_a_day_that_the_vendor_lacks_is_not_bought_until_it_has_it(trial: Trial):
    trial.server.market.missing = {(START + DAY).date()}
    ended = trial.fill()
    assert len(ended.json["requests"]) == 2
    trial.fill_again()
    trial.server.market.missing = set()
    ended = trial.fill()
    assert [one["reason"] for one in ended.json["requests"]] == ["hole"]
    trial.check_table()


@pytest.mark.parametrize(
    "refusal", ["dataset_unavailable_range", "data_end_after_available_end", "license_not_found_unauthorized"]
)
def test_a_licence_that_ends_earlier_is_found_out_once(trial: Trial, refusal: str):
    """The vendor states a later end than the account may have."""
    trial.server.refusal = refusal
    stated = {"start": "2010-06-06T00:00:00Z", "end": f"{trial.now:%Y-%m-%dT%H:%M:00Z}"}
    days = [
        {"date": f"{START + n * DAY:%Y-%m-%d}", "condition": "available", "last_modified_date": "2024-03-09"}
        for n in range(5)
    ]
    trial.server.fault("metadata.get_dataset_range", "json", value=stated | {"schema": {"ohlcv-1m": stated}})
    trial.server.fault("metadata.get_dataset_condition", "json", value=days)
    trial.fill()
    trial.check_table()
    trial.check_money()


def test_the_clock_of_the_machine_does_not_matter(trial: Trial, monkeypatch: pytest.MonkeyPatch):
    import time as clock

    real = clock.time
    monkeypatch.setattr("time.time", lambda: real() - 400 * 86_400)
    trial.fill()
    trial.check_table()
    trial.fill_again()


def test_a_roll_inside_the_range(trial: Trial):
    trial.now = datetime(2024, 3, 23, 12, tzinfo=UTC)
    first = datetime(2024, 3, 13, tzinfo=UTC)
    trial.fill(start=first)
    trial.check_table(start=first)
    trial.fill_again(start=first)


def test_a_raw_symbol_is_its_contract(trial: Trial):
    series = trial.subscribe("mnqh4", "MNQH4", feed_stype="raw_symbol", symbol="MNQH4")
    trial.now += timedelta(hours=20)  # history ends on Saturday morning
    ended = trial.fill(series=["mnqh4"])
    run = FeedRequest.objects.get().run
    assert trial.stored(run.symbols[0]).tolist() == trial.truth("MNQH4", "raw_symbol").tolist(), ended.json
    assert SeriesDay.objects.filter(series=series).count() == 6
    trial.fill_again(series=["mnqh4"])
    trial.now += timedelta(hours=12)
    trial.fill_again(series=["mnqh4"])


def test_a_raw_symbol_that_mnq_claims_is_its_own_series(trial: Trial):
    series = trial.subscribe("mnqh2024", "MNQH4", feed_stype="raw_symbol", symbol="MNQH2024")
    trial.fill(series=["mnqh2024"])
    assert FeedRequest.objects.get().run.symbols == [series.symbol]
    assert trial.stored(series.symbol).tolist() == trial.truth("MNQH4", "raw_symbol").tolist()
    trial.fill_again(series=["mnqh2024"])


def test_a_parent_symbol_brings_each_contract(trial: Trial):
    parent = trial.subscribe("es-all", "ES.FUT", feed_stype="parent", symbol="ES.FUT")
    trial.fill(series=["es-all"])
    request = FeedRequest.objects.get()
    total = 0
    for symbol in request.run.symbols:
        stored = trial.stored(symbol)
        total += len(stored)
        if "-" not in symbol:  # ESH2024 is ESH4 at the vendor
            assert stored.tolist() == trial.truth(f"{symbol[:3]}{symbol[-1]}", "raw_symbol").tolist()
    assert total == len(trial.truth("ES.FUT", "parent")) == request.received_records
    days = SeriesDay.objects.filter(request=request)
    assert sum(days.filter(series=parent).values_list("records", flat=True)) == total
    assert sum(days.exclude(series=parent).values_list("records", flat=True)) == total
    trial.fill_again(series=["es-all"])
    assert trial.delete_bars(START + DAY, START + 2 * DAY)
    ended = trial.fill(series=["es-all"])
    assert [one["reload"] for one in ended.json["requests"]] == [True]
    trial.fill_again(series=["es-all"])


def test_files_loaded_by_hand_are_compared_and_only_the_difference_is_bought(trial: Trial, tmp_path):
    from config.testing.builders import ingest

    edges = {"start": START.isoformat(), "end": (START + 3 * DAY).isoformat()}
    fields = {"dataset": "GLBX.MDP3", "symbols": "MNQ.c.0", "stype_in": "continuous", "schema": "ohlcv-1m"}
    path = tmp_path / "mnq.dbn.zst"
    path.write_bytes(b"".join(trial.server.encode(trial.server.parse(fields | edges), "zstd")))
    ingest(path)
    ended = trial.fill()
    assert ended.json["verified_days"] == 3
    assert [(one["reason"], one["start"][:10]) for one in ended.json["requests"]] == [("missing", "2024-03-07")]
    trial.check_table()
    trial.check_money()
    trial.fill_again()
