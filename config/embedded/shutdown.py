"""What `runserver` does when it is told to end with SIGTERM, so that the server does not outlive its last user.

A process that SIGTERM kills runs no exit functions. Django's reloader, which answers the signal, kills its child at
once, and it is the child that uses the server. So the signal ends the process in the usual way here, and whoever is
left looks whether anybody uses the server still.
"""

import atexit
import signal
import sys


def stop_with_the_last_user() -> None:
    """For the main thread, before the command runs. The reloader sets a handler of its own over this one."""
    signal.signal(signal.SIGTERM, _end)
    atexit.register(_stop_if_unused)


def _end(number: int, frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)  # once more, it must not interrupt the server's being stopped
    sys.exit(128 + number)


def _stop_if_unused() -> None:
    from django.conf import settings

    from config.embedded import server

    if settings.configured and settings.DATABASES["default"]["ENGINE"] == "config.embedded.backend":
        server.stop_if_unused(settings.DATABASES["default"]["OPTIONS"]["home"])
