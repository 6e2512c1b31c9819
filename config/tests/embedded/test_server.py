"""Processes share one server: the first starts it, the last stops it, and kills do no harm."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

from config.embedded import server
from config.testing.database.embedded import DJANGO_CLIENT, Client, make_environment, read_postmaster_pid, run_script


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


def test_ctrl_c_while_the_last_user_exits_still_stops_the_server(home):
    code = """if True:
        import pathlib, signal, sys
        from config.embedded import server
        signal.signal(signal.SIGINT, lambda number, frame: None)
        server.ensure_running(pathlib.Path(sys.argv[1]))
        print("leaving", flush=True)
    """
    with subprocess.Popen(
        [sys.executable, "-c", code, home], env=make_environment(), stdout=subprocess.PIPE, start_new_session=True
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
            [server.find_psql(), "-XAtq", "-h", new_home / "run", "-U", "postgres", "marketdata"],
            input="SHOW listen_addresses; SHOW fsync; SHOW timezone; SHOW server_encoding;"
            "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'marketdata';",
            capture_output=True,
            text=True,
        )
    assert shown.stdout.splitlines() == ["", "on", "UTC", "UTF8", "b|C.UTF-8"]


def test_six_processes_that_start_at_once_share_one_server(new_home):
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(new_home)) for _ in range(6)]
        for client in clients:  # all requests before the first response
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
    assert run_script(script, new_home).stdout.split() == ["8", "1"]
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
        os.kill(read_postmaster_pid(home), signal.SIGKILL)
        again = client.ask()
        assert again > started
        assert other.ask() == again
    assert not server.is_running(home)


def test_a_server_whose_socket_was_removed_is_started_again(home):
    with Client(home) as client:
        started = client.ask()
        shutil.rmtree(home / "run")
        assert client.ask() > started


def test_an_unused_server_is_stopped_and_a_used_one_is_not(home):
    with Client(home) as killed, Client(home) as other:
        killed.ask()
        other.ask()
        killed.kill()
        server.stop_if_unused(home)
        assert server.is_running(home)
        other.kill()
        server.stop_if_unused(home)
    assert not server.is_running(home)
