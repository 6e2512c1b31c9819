"""What every command of the project prints for --version and --help."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import get_commands, load_command_class

from config import __version__
from marketdata.command_line import manage
from marketdata.management.base import CommandWithExamples

PROJECT_APPS = {config.name for config in apps.get_app_configs() if Path(config.path).parent == settings.BASE_DIR}
COMMANDS = [(app, command) for command, app in get_commands().items() if app in PROJECT_APPS]


def test_the_commands_of_all_apps_are_found():
    commands = {command for _, command in COMMANDS}
    assert commands >= {"ingest_dbn", "make_sample_dbn", "undo_run", "make_api_token", "verify_candles"}


@pytest.mark.parametrize(("app", "command"), COMMANDS)
def test_every_command_prints_the_projects_version(app, command, capsys):
    loaded = load_command_class(app, command)
    assert isinstance(loaded, CommandWithExamples)
    with pytest.raises(SystemExit) as ended:
        loaded.run_from_argv(["manage.py", command, "--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"barkeep {__version__}\n")


@pytest.mark.parametrize(("app", "command"), COMMANDS)
def test_every_help_ends_with_examples_for_this_machine(app, command):
    help_text = load_command_class(app, command).create_parser("manage.py", command).format_help()
    assert "examples:" in help_text
    assert f"    {manage()} {command}" in help_text
    assert "{manage}" not in help_text


def test_the_command_line_prints_the_version():
    ended = subprocess.run(
        [sys.executable, "manage.py", "ingest_dbn", "--version"], cwd=settings.BASE_DIR, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"barkeep {__version__}\n", "")
