#!/usr/bin/env python
"""The command line of the project: `python manage.py help` lists what it can do."""

import os
import signal
import sys


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
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Configuration error: {error}")


if __name__ == "__main__":
    main()
