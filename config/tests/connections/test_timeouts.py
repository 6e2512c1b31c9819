"""What a connection sends at its start: pgbouncer refuses parameters that it does not know, such as options."""

from __future__ import annotations

import socket
import struct

import psycopg2
import pytest
from django.db import connection

from config.connections.timeouts import CLIENT, SERVER
from config.testing.processes import Process
from config.testing.rows import execute_one

KNOWN_TO_PGBOUNCER = {"user", "database", "client_encoding", "application_name", "datestyle", "timezone"}


def test_the_startup_packet_has_only_parameters_that_pgbouncer_knows():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"postgres://reader@127.0.0.1:{listener.getsockname()[1]}/marketdata?sslmode=disable&gssencmode=disable"
        with Process("--check", command="migrate", url=url):
            listener.settimeout(30)
            client, _ = listener.accept()
            with client:
                size = struct.unpack("!I", client.recv(4, socket.MSG_WAITALL))[0]
                packet = client.recv(size - 4, socket.MSG_WAITALL)
    texts = packet[4:].rstrip(b"\0").split(b"\0")
    assert {name.decode().lower() for name in texts[::2]} <= KNOWN_TO_PGBOUNCER


def test_both_ends_have_the_settings(market_db):
    parameters = {**connection.connection.info.dsn_parameters, "password": connection.connection.info.password}
    with psycopg2.connect(**{**parameters, **CLIENT}) as other, other.cursor() as cursor:
        assert {name: str(value) for name, value in CLIENT.items()}.items() <= other.info.dsn_parameters.items()
        cursor.execute(SERVER)
        cursor.execute("SHOW client_connection_check_interval")
        assert cursor.fetchone() == ("2s",)
    other.close()


@pytest.mark.parametrize("name", ["client_connection_check_interval", "application_name"])
def test_the_settings_of_a_transaction_end_with_it(market_db, name):
    from django.db import transaction

    from ingestion.database import prepare_transaction

    before = execute_one(f"SHOW {name}")
    with transaction.atomic(), connection.cursor() as cursor:
        prepare_transaction(cursor)
        assert execute_one(f"SHOW {name}") != before
    assert execute_one(f"SHOW {name}") == before
