#!/usr/bin/env python
"""The command line of the project: `.venv/bin/python manage.py help` lists what it can do."""

import os
import shlex
import signal
import sys
from pathlib import Path


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # Nothing here multiplies matrices: numpy's threads for it would only cost each start a tenth of a second.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        _execute()
        sys.stdout.flush()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C behind the end changes nothing of what was done
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:  # whoever read the output is gone, as `head` is after its lines
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain of it once more
        sys.exit(128 + signal.SIGPIPE)


def _execute() -> None:
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as error:
        if error.name != "django":
            raise
        sys.exit(_without_django())

    if sys.argv[1:2] == ["runserver"]:
        from config.embedded.shutdown import stop_with_the_last_user

        stop_with_the_last_user()
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Configuration error: {error}")


def _without_django() -> str:
    """What to type in place of what was typed, with a Python that has no packages."""
    python = Path(".venv", "bin", "python")
    venv = Path(__file__).resolve().parent / ".venv"
    if (venv.parent / python).exists() and Path(sys.prefix).resolve() != venv.resolve():
        typed = shlex.join(["manage.py", *sys.argv[1:]])
        return f"This Python lacks the project's packages, which the one in .venv has: run {python} {typed}"
    return f"The project's packages are not installed: run `make demo`, and from then on {python} manage.py."


if __name__ == "__main__":
    main()
