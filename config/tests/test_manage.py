"""manage.py prints no traceback for what a user does."""

import os
import shutil
import signal
import subprocess
import sys

import pytest
from django.conf import settings

import manage


def test_ctrl_c_while_a_command_starts_leaves_no_traceback(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(manage, "_execute", interrupted)
    with pytest.raises(SystemExit) as ended:
        manage.main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_command_collects_garbage_although_its_start_does_not(tmp_path):
    """A command that serves pages for weeks would otherwise keep all cycles of objects."""
    code = "import gc; print(gc.isenabled())"
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_a_reader_may_close_the_pipe():
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "manage.py", "help"], cwd=settings.BASE_DIR, stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (128 + signal.SIGPIPE, b"")


def test_a_python_without_django_names_the_one_that_has_it(tmp_path):
    shutil.copy(settings.BASE_DIR / "manage.py", tmp_path)
    command = [sys.executable, "-I", "-S", "manage.py", "ingest_dbn", "--input", "a file.dbn"]
    without = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert without.returncode == 1
    assert without.stderr == (
        "The project's packages are not installed: run `make demo`, then use .venv/bin/python manage.py.\n"
    )
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    beside = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert beside.returncode == 1
    assert beside.stderr.endswith("has: run .venv/bin/python manage.py ingest_dbn --input 'a file.dbn'\n")
    assert beside.stderr.count("\n") == 1
