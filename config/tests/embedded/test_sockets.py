"""The folder of the socket is private."""

import os
import subprocess

import pytest

from config.embedded import layout, server, sockets
from config.embedded.errors import EmbeddedPostgresError
from config.testing.database.embedded import AS_ROOT, Client


def _long(folder):
    return folder / ("long-" * 20) / "home"


def test_a_path_too_long_for_a_socket_gets_a_checked_folder_in_tmp(folder, prepared_data):
    home = _long(folder)
    home.mkdir(parents=True)
    subprocess.run(["cp", "-a", prepared_data, home / "data"], check=True)
    with Client(home) as client:
        assert client.ask()
        private = sockets.find_socket_folder(layout.find_layout(home))
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
    ("trap", "message"),
    [(_symlink, "is not a real folder"), (_foreign, "another account"), (_open, "open to other accounts")],
)
def test_a_socket_folder_in_tmp_that_others_could_have_made_is_refused(folder, trap, message):
    home = _long(folder)
    home.mkdir(parents=True)
    found = layout.find_layout(home)
    path = sockets.find_socket_folder(found)
    path.rmdir()
    trap(path, folder)
    try:
        with pytest.raises(EmbeddedPostgresError, match=message):
            server.ensure_running(home)
    finally:
        path.unlink() if path.is_symlink() else path.rmdir()
    assert not (home / "data").exists()
