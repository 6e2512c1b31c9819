"""/metrics in Prometheus's format, by token."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from config.testing.rollup import at, bar_row, insert_bars
from config.testing.rows import ALERTS, FAILED, FEEDS, QUALITY, RUNS, insert
from marketdata.access.tokens import issue_token
from marketdata.models import Series

FINDINGS = next(iter(QUALITY))


@pytest.fixture
def key(market_db):
    yield issue_token(name="prometheus")
    get_user_model().objects.filter(username="prometheus").delete()


def read(key: str, keyword: str = "Bearer") -> dict[tuple, float]:
    response = Client(headers={"Authorization": f"{keyword} {key}"}).get("/metrics")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=")
    assert response["Cache-Control"] == "no-store"
    families = text_string_to_metric_families(response.content.decode())
    return {(one.name, *sorted(one.labels.values())): one.value for family in families for one in family.samples}


def test_the_figures_are_those_of_the_database(key):
    insert(RUNS)
    insert(RUNS, **FAILED | {"id": 2})
    mnq = Series.objects.get(slug="mnq")
    insert_bars([bar_row(mnq.symbol, at(1), 1)])
    insert(FINDINGS, series_id=mnq.pk)
    insert(FINDINGS, series_id=mnq.pk, id=2, severity="warning", start="2024-01-03", end="2024-01-04")
    insert("market_feed_status", lag_ms=40, spool_files=3)
    insert("market_quality_alerts")
    insert("market_quality_deliveries")
    found = read(key)
    assert found["barkeep_findings", "error", "open", "spike"] == 1
    assert found["barkeep_findings", "open", "spike", "warning"] == 1
    assert found["barkeep_failed_runs",] == 1
    assert found["barkeep_last_bar_age_seconds", "mnq"] == pytest.approx(
        (datetime.now(UTC) - at(1)).total_seconds(), abs=60
    )
    assert found["barkeep_feed_lag_seconds", "GLBX.MDP3"] == 0.04
    assert found["barkeep_feed_spool_files", "GLBX.MDP3"] == 3
    assert found["barkeep_feed_live", "GLBX.MDP3"] == 1
    assert found["barkeep_alert_deliveries", "delivered", "webhook"] == 1
    assert {"market_quality_alerts", "market_feed_status"} <= {*ALERTS, *FEEDS}


def test_an_empty_database_has_figures_too(key):
    assert read(key, "Token")["barkeep_failed_runs",] == 0


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Token wrong"}])
def test_it_needs_a_token(market_db, headers):
    assert Client(headers=headers).get("/metrics").status_code == 401
