"""Django's database engine on the embedded server, and `python -m config.embedded`."""

import subprocess
import sys
from contextlib import closing

import psycopg2
import pytest

from config.embedded import layout, server, sockets
from config.guards import parse_database_url
from config.testing.database.embedded import make_environment, wait_until_stopped


def test_check_starts_nothing_and_migrate_does(django, new_home):
    assert django("check").returncode == 0
    assert not new_home.exists()
    assert django("migrate", "-v0").returncode == 0
    assert (new_home / "data").exists()
    assert not server.is_running(new_home)
    shell = django("dbshell", "--", "-XAtqc", "SELECT count(*) FROM django_content_type")
    assert shell.stdout.strip() == "1", shell.stderr


def test_django_sees_an_operational_error(django, new_home):
    new_home.parent.joinpath("home").write_text("a file where the folder should be")
    done = django("migrate")
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("django.db.utils.OperationalError: The embedded PostgreSQL in"), done.stderr
    assert last.endswith("set DATABASE_URL to another PostgreSQL 15 or newer.")
    new_home.unlink()


def run_module(action, home):
    done = subprocess.run(
        [sys.executable, "-m", "config.embedded", action, home], env=make_environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_keep_off_stops_the_server(django, home):
    django("migrate", "-v0", EMBEDDED_PG_KEEP="off")
    assert not server.is_running(home)


def test_keep_on_leaves_the_server_running(django, home):
    django("migrate", "-v0", EMBEDDED_PG_KEEP="1")
    assert server.is_running(home)
    url = run_module("url", home)
    assert parse_database_url(url)["OPTIONS"] == {"host": str(sockets.find_socket_folder(layout.find_layout(home)))}
    with closing(psycopg2.connect(url)) as connection:
        assert connection.info.dbname == "marketdata"
    assert run_module("stop", home) == "stopped"
    assert not server.is_running(home)


@pytest.mark.slow
def test_two_xdist_workers_create_their_test_databases_on_one_server(django, folder, home):
    (folder / "test_tiny.py").write_text(
        "import pytest\nfrom django.db import connection\n"
        "@pytest.mark.django_db\n@pytest.mark.parametrize('n', range(2))\n"
        "def test_name(n):\n"
        "    with connection.cursor() as cursor:\n"
        "        cursor.execute('SELECT current_database()')\n"
        "        assert cursor.fetchone()[0].startswith('test_marketdata_gw')\n"
    )
    done = django("-n", "2", "-q", "-p", "no:cacheprovider", module="pytest")
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert wait_until_stopped(home)
