"""A process that is killed after any step: the next backfill buys nothing twice, and the table is complete."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config.testing.processes import database_url
from ingestion.tests.feeds.history.conftest import DAY, START, Trial
from marketdata.models import Backfill, FeedRequest, KnownEmpty, SeriesDay

pytestmark = pytest.mark.slow

# Kills itself after the `number`th call of a function.
PROGRAM = """
import importlib, os, signal, sys
import django
django.setup()
from django.core.management import call_command
path, name, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
module = importlib.import_module(path)
original = getattr(module, name)
calls = 0
def call(*arguments, **options):
    global calls
    result = original(*arguments, **options)
    calls += 1
    if calls == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(module, name, call)
call_command("backfill", yes=True, json=True)
"""
HISTORY = "ingestion.feeds.history"
STEPS = [
    (f"{HISTORY}.backfill", "_create_requests"),
    (f"{HISTORY}.buy", "reserve"),
    (f"{HISTORY}.buy", "_receive"),
    (f"{HISTORY}.buy", "arrive"),
    (f"{HISTORY}.store", "load_file"),
    (f"{HISTORY}.settle", "_store_days"),
    (f"{HISTORY}.store", "settle_request"),
]


def run_until_killed(trial: Trial, path: str, name: str, number: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, path, name, str(number)],
        cwd=settings.BASE_DIR,
        env=os.environ
        | {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "config.settings"}
        | trial.server.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize(("path", "name"), STEPS, ids=[name for _, name in STEPS])
def test_a_kill_after_any_step_buys_nothing_twice(trial: Trial, path: str, name: str):
    trial.now += 35 * DAY  # two requests
    run_until_killed(trial, path, name, 1 if name == "_create_requests" else 2)
    assert Backfill.objects.get().status == "running"
    trial.fill()
    trial.check_table()
    assert trial.server.unpriced() == trial.server.bought_twice() == []
    assert not FeedRequest.objects.filter(state__in=["priced", "bought", "arrived"]).exists()
    assert Backfill.objects.order_by("pk").first().status == "failed"
    charged = sum(FeedRequest.objects.exclude(charged_usd=None).values_list("charged_usd", flat=True))
    assert float(charged) >= trial.server.spent - 1e-5
    paid_for_nothing = FeedRequest.objects.filter(state="failed").count()
    assert paid_for_nothing == (1 if name == "reserve" else 0)
    trial.fill_again()


offsets = st.integers(0, 6 * 1440)


@hypothesis_settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(1, 70), st.none() | st.tuples(offsets, st.integers(1, 2000)), st.booleans()),
        min_size=1,
        max_size=4,
    )
)
def test_any_days_off_losses_and_parts_end_as_one_full_load(trial: Trial, steps: list):
    """Each step: so many hours off, bars that another program deletes, or a part that is requested first."""
    trial.reset()  # what the example before left
    for hours, part, is_lost in steps:
        trial.now += timedelta(hours=hours)
        if part:
            first = START + timedelta(minutes=part[0])
            last = first + timedelta(minutes=part[1])
            if is_lost:
                trial.delete_bars(first, last)
            elif first < trial.end:
                trial.fill(start=first, end=min(last, trial.end))
                continue
        trial.fill()
    trial.fill()
    trial.check_table()
    trial.check_money()
    days = SeriesDay.objects.values_list("records", flat=True)
    assert sum(days) == len(trial.truth())
    for since in SeriesDay.objects.exclude(covered_from=None).values_list("covered_from", flat=True):
        midnight = since.replace(hour=0, minute=0)
        assert KnownEmpty.objects.filter(start__lte=midnight, end__gte=since).exists()
    trial.fill_again()
