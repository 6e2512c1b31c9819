"""Homes of embedded servers, and ways to use them."""

import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from config.embedded import layout, server
from config.testing.database.embedded import AS_ROOT, PACKAGES, PROJECT, Client, make_environment


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


@pytest.fixture
def ordinary():
    """Options that run a Client as the account `nobody`."""
    if not AS_ROOT:
        pytest.skip("every other test has run as an ordinary user already")
    nobody = pwd.getpwnam("nobody")
    account = layout.Account(nobody.pw_uid, nobody.pw_gid)
    return {"python": _find_shared_python(account), "path": [PACKAGES], **account.subprocess_options}


def _find_shared_python(account):
    """An interpreter of this version that the account can run; this one may be in root's home."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for candidate in (Path(sys.executable).resolve(), Path("/usr/bin", name), Path("/usr/local/bin", name)):
        if account.can_execute(candidate) and account.can_execute(PACKAGES) and account.can_execute(PROJECT):
            return candidate
    pytest.skip(f"NOT TESTED as an ordinary user: no {name} and packages that another account can reach")


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
            env=make_environment(folder) | {"DJANGO_SETTINGS_MODULE": "tiny"} | more,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run
