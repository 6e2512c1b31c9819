"""Earlier values of bars, read over REST."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.testing.builders import undo_run
from config.testing.history import ADDRESS, parse_bar, read_stored
from marketdata.bars.revisions import read_revision_page
from marketdata.models import IngestRun, Series

REVISIONS_ADDRESS = "/api/market-data/mnq/ohlcv-1m/revisions"


def test_a_revision_has_the_old_values_and_both_runs(reader, corrected):
    undo_run(2)
    first, last = IngestRun.objects.get(pk=2).finished_at, IngestRun.objects.get(pk=3).finished_at
    body = reader.get(REVISIONS_ADDRESS).json()
    assert [
        (one["ts"][14:16], one["operation"], one["brought_by"], one["replaced_by"]) for one in body["revisions"]
    ] == [
        ("02", "update", 1, 2),
        ("02", "update", 2, 3),
        ("03", "update", 1, 2),
        ("03", "update", 2, 3),
        ("10", "delete", 2, 3),
        ("11", "delete", 2, 3),
    ]
    assert body["revisions"][0] == {
        "ts": "2024-01-02T00:02:00+00:00",
        "operation": "update",
        "open": "16800.25",
        "high": "16801",
        "low": "16799.75",
        "close": "16800.5",
        "volume": 102,
        "brought_by": 1,
        "replaced_by": 2,
        "replaced_at": first.isoformat(),
    }
    assert body["revisions"][1]["replaced_at"] == last.isoformat()
    assert (body["next"], body["next_cursor"]) == (None, None)


def test_replaced_at_is_the_first_moment_with_the_new_values(reader, corrected):
    moment = datetime.fromisoformat(reader.get(REVISIONS_ADDRESS).json()["revisions"][0]["replaced_at"])
    after = {"as_of": moment.isoformat()}
    before = {"as_of": (moment - timedelta(microseconds=1)).isoformat()}
    assert [parse_bar(bar) for bar in reader.get(ADDRESS, after).json()["bars"]] == read_stored()
    assert [parse_bar(bar) for bar in reader.get(ADDRESS, before).json()["bars"]] == corrected[1]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 4, 5])
def test_pages_contain_each_revision_once(reader, corrected, order, limit):
    undo_run(2)
    body = reader.get(REVISIONS_ADDRESS, {"limit": limit, "order": order}).json()
    found = body["revisions"]
    while body["next"]:
        body = reader.get(body["next"]).json()
        assert len(body["revisions"]) <= limit
        found += body["revisions"]
    keys = [(one["ts"], one["replaced_by"]) for one in found]
    assert keys == sorted(keys, reverse=order == "desc")
    assert len(set(keys)) == len(keys) == 6


def test_revisions_are_filtered_by_a_range_or_one_minute(reader, corrected):
    def minutes(**parameters: str) -> list[str]:
        return [one["ts"][14:16] for one in reader.get(REVISIONS_ADDRESS, parameters).json()["revisions"]]

    assert minutes(start="2024-01-02T00:03Z") == ["03"]
    assert minutes(end="2024-01-02T00:03Z") == ["02"]
    assert minutes(ts="2024-01-02T00:02Z") == ["02"]
    assert minutes(ts="2024-01-02T00:04Z") == []


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"ts": "2024-01-02", "start": "2024-01-01"}, "start"),
        ({"start": "2024-01-02", "end": "2024-01-01"}, "end"),
        ({"cursor": "2024-01-02"}, "cursor"),
        ({"cursor": "2024-01-02,x"}, "cursor"),
        ({"cursor": f"2024-01-02,{2**63}"}, "cursor"),
        ({"limit": "0"}, "limit"),
        ({"order": "up"}, "order"),
        ({"format": "csv"}, "format"),
        ({"ts": "9999-12-31T23:59:59.999999Z"}, "ts"),
    ],
)
def test_invalid_parameters_are_reported_by_field(reader, corrected, parameters, field):
    response = reader.get(REVISIONS_ADDRESS, parameters)
    assert (response.status_code, list(response.json())) == (400, [field])


def test_revisions_require_authentication(market_db, client):
    assert client.get(REVISIONS_ADDRESS).status_code == 401


def test_a_late_page_is_read_by_the_primary_key(corrected):
    with CaptureQueriesContext(connection) as queries:
        read_revision_page(
            Series.objects.get(slug="mnq"), start=None, end=None, after=(corrected[0], 1), descending=False, limit=2
        )
    assert "OFFSET" not in queries[0]["sql"]


def test_the_audit_trail_shows_what_was_undone(reader, corrected):
    undo_run(2)
    runs = {run["id"]: run for run in reader.get("/api/ingest-runs/").json()["results"]}
    assert [(runs[pk]["undoes"], runs[pk]["undone_by"]) for pk in (1, 2, 3)] == [(None, None), (None, 3), (2, None)]
    assert reader.get("/api/market-data/").json()[0]["last_run"]["id"] == 3
