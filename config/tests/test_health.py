"""Health checks for load balancers."""

from django.db import OperationalError


def test_healthz_responds_without_a_database(client):
    assert client.get("/healthz").json() == {"status": "ok"}


def test_readyz_requires_database_and_migrations(market_db, client):
    assert client.get("/readyz").json() == {"status": "ready"}


def test_readyz_fails_without_a_database(market_db, client, monkeypatch):
    def refuse(*args):
        raise OperationalError("gone")

    monkeypatch.setattr("config.connections.health.MigrationExecutor", refuse)
    response = client.get("/readyz")
    assert (response.status_code, response.json()["reason"]) == (503, "the database does not respond")
