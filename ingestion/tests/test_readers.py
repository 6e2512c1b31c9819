"""Every page, list and API address answers a role that may only read, and on a replica; nothing is written."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg2
import pytest
from django.contrib.auth.models import User
from django.db import connection

from config.testing.builders import bars, write
from config.testing.database.scratch import temporary_role
from config.testing.database.servers import find_installed_programs, temporary_server, temporary_standby
from config.testing.processes import database_url, run, session
from marketdata.access.tokens import issue_token
from marketdata.models import ApiToken, IngestRun
from marketdata.runs.locks import lock_run

GRANTS = "GRANT USAGE ON SCHEMA public TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
PASSWORD = "a-password-of-this-test"
CREATE_USER = f"""
from django.contrib.auth.models import User
from marketdata.access.tokens import issue_token
user = User.objects.create_superuser("reader", "", "{PASSWORD}")
print(issue_token(name="reader"))
"""
# Logs in with a password, requests all addresses, and those of the API with a token too.
REQUESTS = """
import json
from django.test import Client
client = Client(headers={"host": "localhost"}, raise_request_exception=False)
login = client.post("/admin/login/?next=/", {"username": "reader", "password": "PASSWORD"})
answers = {"login": login.status_code}
programs = Client(headers={"host": "localhost", "authorization": "Token TOKEN"}, raise_request_exception=False)
for address in ADDRESSES:
    answers[address] = client.get(address).status_code
    if address.startswith("/api/"):
        answers[f"token {address}"] = programs.get(address).status_code
run = programs.get("/api/ingest-runs/2/").json()
print(json.dumps({"answers": answers, "status": run["status"], "home": client.get("/").content.decode()}))
"""
SERIES = "/api/market-data/mnq"
RANGE = "start=2024-01-02&end=2024-01-03"
ADDRESSES = (
    *("/", "/series/mnq/", "/runs/1/", "/runs/2/", "/healthz", "/readyz", "/api/docs/", "/api/schema/"),
    *("/api/market-data/", "/api/ingest-runs/", "/api/ingest-runs/1/", "/api/ingest-runs/?status=failed"),
    *(f"{SERIES}/ohlcv-1m/{name}" for name in ("stats", "bars", "revisions", f"bars?{RANGE}&format=parquet")),
    *(f"{SERIES}/ohlcv-1m/bars?{RANGE}&format=csv", f"{SERIES}/ohlcv-1m/bars?as_of=2024-06-01T00:00:00Z"),
    *(f"{SERIES}/ohlcv-1d/{name}" for name in ("stats", "bars", f"bars?{RANGE}&format=csv")),
    f"{SERIES}/coverage",
    *("/admin/", "/admin/auth/user/", "/admin/marketdata/apitoken/", "/admin/marketdata/series/"),
    *("/admin/marketdata/browsablebar/", "/admin/marketdata/browsablebar/?series=CME_MINI:MNQ1!"),
    *("/admin/marketdata/ingestrun/", "/admin/marketdata/ingestrun/?status__exact=failed"),
    *("/admin/marketdata/ingestrun/1/change/", "/admin/marketdata/ingestrun/2/change/"),
)


def request_all(url: str, token: str) -> dict:
    script = REQUESTS.replace("TOKEN", token).replace("PASSWORD", PASSWORD).replace("ADDRESSES", repr(ADDRESSES))
    ended = run("-v0", "-c", script, command="shell", url=url, LOG_LEVEL="CRITICAL")
    assert ended.code == 0, ended.err
    found: dict = json.loads(ended.out)
    assert {address: status for address, status in found["answers"].items() if status not in (200, 302)} == {}
    assert [address for address, status in found["answers"].items() if status == 302] == ["login"]
    return found


@pytest.fixture
def reader(market_db) -> Iterator[str]:
    """The test database's URL for a role that has only SELECT."""
    with temporary_role("reader") as role:
        with connection.cursor() as cursor:
            cursor.execute(GRANTS.format(role=role))
        yield database_url().replace(f"//{connection.settings_dict['USER']}@", f"//{role}@")


@pytest.fixture
def token(market_db) -> Iterator[str]:
    user = User.objects.create_superuser("reader", "", PASSWORD)
    yield issue_token(name="reader")
    user.delete()


@pytest.mark.slow
def test_a_role_that_may_only_read(reader, token, tmp_path):
    assert run("--input", write(tmp_path / "a.dbn", bars(10))).code == 0
    IngestRun.objects.create(pk=2, file_name="b.dbn", file_path="/b.dbn", started_at="2024-01-02T00:00:00Z")
    before = list(IngestRun.objects.values())
    with session() as other:
        lock_run(other, 2)
        assert request_all(reader, token)["status"] == "running"
    # Without a process it still reads as running: a program that may write closes it.
    assert request_all(reader, token)["status"] == "running"
    assert list(IngestRun.objects.values()) == before
    assert User.objects.get(username="reader").last_login is None
    assert ApiToken.objects.get().last_used_at is None


def test_a_role_that_may_only_read_gets_a_sentence_for_a_load(reader, tmp_path):
    ended = run("--input", write(tmp_path / "a.dbn", bars(10)), url=reader)
    assert ended.code == 1
    assert "permission denied for table data_ingest_runs" in ended.sentence


@pytest.mark.slow
def test_a_replica(tmp_path):
    """A run of the primary is shown as running: its lock is not visible on the replica."""
    programs = find_installed_programs()
    if programs is None:
        pytest.skip("no initdb on this machine: a replica is NOT tested")
    file = write(tmp_path / "a.dbn", bars(10))
    with temporary_server(programs) as server:
        primary = server.format(user="postgres", database="postgres")
        assert run("-v0", command="migrate", url=primary).code == 0
        assert run("--input", file, url=primary).code == 0
        token = run("-v0", "-c", CREATE_USER, command="shell", url=primary).out.strip()
        other = psycopg2.connect(primary)
        with other, other.cursor() as cursor:
            cursor.execute(
                "INSERT INTO data_ingest_runs SELECT (jsonb_populate_record(runs, %s)).* FROM data_ingest_runs AS runs",
                [
                    '{"id": 2, "status": "running", "finished_at": null, "row_count": 0, "inserted_count": 0,'
                    ' "min_ts": null, "max_ts": null}'
                ],
            )
        other.close()
        with temporary_standby(programs, server) as standby:
            replica = standby.format(user="postgres", database="postgres")
            shown = request_all(replica, token)
            assert shown["status"] == "running"
            assert "process died" not in shown["home"]
            ended = run("--input", file, url=replica)
            assert ended.code == 1
            assert "read-only" in ended.sentence
            ended = run("-v0", command="migrate", url=replica)
            assert ended.code in (0, 1)
            assert "Traceback" not in ended.err
