"""Variables of libpq in the environment do not redirect DATABASE_URL or the embedded database."""

import psycopg2
import pytest
from django.conf import settings
from django.db import connection

from config.guards import SERVER_VARIABLES
from config.testing.builders import bars, stored, write
from config.testing.processes import run

ELSEWHERE = {
    "PGHOST": "192.0.2.1",
    "PGHOSTADDR": "192.0.2.1",
    "PGPORT": "1",
    "PGDATABASE": "elsewhere",
    "PGSERVICE": "elsewhere",
    "PGTARGETSESSIONATTRS": "standby",
    "PGLOADBALANCEHOSTS": "random",
    "PGCONNECT_TIMEOUT": "2",
}
SERVICE = "[elsewhere]\nhost=192.0.2.1\nhostaddr=192.0.2.1\nport=1\ndbname=elsewhere\nuser=elsewhere\n"


@pytest.fixture
def variables(tmp_path):
    path = tmp_path / "pg_service.conf"
    path.write_text(SERVICE)
    return ELSEWHERE | {"PGSERVICEFILE": str(path)}


def test_a_database_url_names_the_database(market_db, tmp_path, variables):
    ended = run("--input", write(tmp_path / "mnq.dbn", bars(5)), **variables)
    assert (ended.code, ended.err) == (0, "")
    assert len(stored()) == 5


@pytest.mark.parametrize("name", ["PGHOST", "PGSERVICE", "PGHOSTADDR"])
def test_a_url_without_a_host_is_the_local_server(name, variables):
    ended = run(command="showmigrations", url="postgres:///nothing", PGSERVICEFILE=variables["PGSERVICEFILE"],
                **{name: variables[name]})  # fmt: skip
    assert ended.code == 1
    assert "192.0.2.1" not in ended.err


@pytest.mark.skipif(settings.DATABASE_URL != "", reason="NOT TESTED: DATABASE_URL is set, so no embedded server runs")
def test_the_embedded_database_is_used(market_db, variables):
    code = (
        "from django.db import connection; connection.ensure_connection();"
        "print(connection.connection.info.dbname, connection.connection.info.host)"
    )
    ended = run("-v0", "-c", code, command="shell", url="", **variables)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.split() == ["marketdata", connection.connection.info.host]


def test_libpq_itself_would_follow_them(market_db, monkeypatch):
    """Else the tests above would pass without the guard."""
    host = connection.connection.info.host
    for name in SERVER_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
    with pytest.raises(psycopg2.OperationalError, match=r"127\.0\.0\.1"):
        psycopg2.connect(host=host, port=1, dbname="x", user="x")
