"""Run the jobs that pages have requested."""

import signal

from django.core.management import call_command


def run_jobs() -> None:
    """A worker in this process does the jobs that wait. It replaces the handlers of signals, which are restored: with
    its own, Ctrl-C and SIGTERM would no longer end the tests."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)}
    try:
        call_command("db_worker", "--batch", "--no-startup-delay", "--interval", "0")
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
