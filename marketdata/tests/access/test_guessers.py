"""Guessers from many addresses: other requests stay fast, and the account's owner can log in."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from config.testing.processes import until
from config.testing.web.server import web_server
from marketdata.access import backend, hash_slots
from marketdata.access.hash_slots import HashSlots
from marketdata.models import FailedLogin

PASSWORD = "a-password-of-this-test"
CSRF = "a" * 32  # a cookie and a field that agree
STATS = "/api/market-data/mnq/ohlcv-1m/stats"


@pytest.fixture
def owner(market_db, production_hasher):
    """With a password that is hashed as in production."""
    yield get_user_model().objects.create_user("owner", password=PASSWORD)
    get_user_model().objects.all().delete()
    FailedLogin.objects.all().delete()


def log_in(address: str, client_address: str, password: str) -> httpx.Response:
    """As a client at this address, through one proxy."""
    return httpx.post(
        f"{address}/login/",
        data={"username": "owner", "password": password, "csrfmiddlewaretoken": CSRF},
        headers={"X-Forwarded-For": client_address, "Cookie": f"csrftoken={CSRF}"},
        timeout=30,
    )


@contextlib.contextmanager
def guessers(address: str, count: int) -> Iterator[list[httpx.Response]]:
    """Guess without a pause, each from an address of its own."""
    stopped = threading.Event()
    responses: list[httpx.Response] = []

    def guess(number: int) -> None:
        while not stopped.is_set():
            responses.append(log_in(address, f"198.51.100.{number}", "wrong"))

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield responses
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


@pytest.mark.slow
def test_stats_stay_fast_and_the_owner_logs_in_beside_16_guessers(owner):
    variables = {"TRUSTED_PROXIES": "1", "API_RATE_ANONYMOUS": "100000/min"}
    with web_server(**variables) as address, guessers(address, 16) as responses:
        until(lambda: len(responses) > 30)
        with httpx.Client(base_url=address, timeout=30) as client:
            seconds = sorted(client.get(STATS).elapsed.total_seconds() for _ in range(100))
        assert until(lambda: log_in(address, "203.0.113.7", PASSWORD).status_code == 302, seconds=60)
    assert seconds[98] < 1
    refused = [one for one in responses if one.status_code in (429, 503)]
    assert len(responses) - len(refused) <= 16 * 5
    assert all(1 <= int(one.headers["Retry-After"]) <= 900 for one in refused)


def test_a_login_without_a_slot_is_refused_with_one_sentence_and_does_not_count(owner, monkeypatch):
    monkeypatch.setattr(backend, "slots", HashSlots(running=0, waiting=0))
    for _ in range(7):
        refused = Client().post("/login/", {"username": "owner", "password": PASSWORD})
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    assert "Too many logins at the same time: wait 2 seconds, then try again." in refused.content.decode()
    monkeypatch.undo()
    assert Client().post("/login/", {"username": "owner", "password": PASSWORD}).status_code == 302


def test_a_wrong_password_is_hashed_once(owner, monkeypatch):
    hashed = []
    monkeypatch.setattr(get_user_model(), "check_password", lambda user, password: hashed.append(password))
    assert Client().post("/login/", {"username": "owner", "password": "wrong"}).status_code == 200
    assert hashed == ["wrong"]


@dataclass
class Holder:
    """A thread that holds a slot, or is refused, until `leave`."""

    slots: HashSlots
    preferred: bool = False
    is_granted: bool | None = None
    leave: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        with self.slots.hold(preferred=self.preferred) as self.is_granted:
            self.leave.wait(10 if self.is_granted else 0)

    def end(self) -> None:
        self.leave.set()
        self.thread.join()


def count_waiting(slots: HashSlots) -> int:
    return len(slots._queue)


def test_slots_are_granted_in_order_and_to_preferred_attempts_first():
    slots = HashSlots(running=1, waiting=2)
    first = Holder(slots)
    until(lambda: first.is_granted)
    older = Holder(slots)
    until(lambda: count_waiting(slots) == 1)
    newer = Holder(slots)
    until(lambda: count_waiting(slots) == 2)
    with slots.hold(preferred=False) as is_granted:
        assert not is_granted
    preferred = Holder(slots, preferred=True)
    until(lambda: newer.is_granted is False)
    first.end()
    until(lambda: preferred.is_granted)
    assert older.is_granted is None
    preferred.end()
    until(lambda: older.is_granted)
    older.end()
    newer.end()
    with slots.hold(preferred=False) as is_granted:
        assert is_granted


def test_a_wait_for_a_slot_ends(monkeypatch):
    monkeypatch.setattr(hash_slots, "WAIT_SECONDS", 0.1)
    slots = HashSlots(running=1, waiting=1)
    with slots.hold(preferred=True), slots.hold(preferred=True) as is_granted:
        assert not is_granted
    with slots.hold(preferred=True) as is_granted:
        assert is_granted
