"""Stops the server when SIGTERM ends `runserver`.

A process that SIGTERM kills runs no exit functions. Django's reloader handles the signal, but kills its child, which is
the process that uses the server. So SIGTERM raises SystemExit here, and the remaining process stops an unused server.
"""

import atexit
import signal
import sys


def stop_server_at_exit() -> None:
    """Call it in the main thread before the command runs. The reloader replaces this handler by its own."""
    signal.signal(signal.SIGTERM, _exit)
    atexit.register(_stop_if_unused)


def _exit(number: int, frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second signal must not interrupt stopping the server
    sys.exit(128 + number)


def _stop_if_unused() -> None:
    from django.conf import settings

    from config.embedded import server

    if settings.configured and settings.DATABASES["default"]["ENGINE"] == "config.embedded.backend":
        server.stop_if_unused(settings.DATABASES["default"]["OPTIONS"]["home"])
