"""Only the process of this server counts as running."""

import subprocess
import time

from config.embedded import layout, postmaster, server, sockets
from config.testing.database.embedded import Client


def test_a_pid_that_now_belongs_to_another_program_is_ignored(home):
    account = layout.find_layout(home).account
    # Of the server's account: PostgreSQL itself detects other accounts.
    with subprocess.Popen(["sleep", "60"], **account.subprocess_options) as stranger:
        lines = f"{stranger.pid}\n{home / 'data'}\n0\n5432\n{home / 'run'}\n\n0 0\nready\n"
        (home / "data" / "postmaster.pid").write_text(lines)
        sockets.find_socket_folder(layout.find_layout(home))
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
