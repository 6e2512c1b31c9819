"""Failed logins make an account wait, from the address where they failed.

An attempt is counted before its password is checked, so that attempts at the same time count, too; a login takes its
count back. The counts are in the database, which all web processes share. Where it may only be read, each process
counts by itself.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.db import DatabaseError

from marketdata.access.attempts import DatabaseStore, MemoryStore, Policy, Store
from marketdata.database import is_write_refused

T = TypeVar("T")

logger = logging.getLogger(__name__)

# Five passwords at once, then one after 10, 20, 40 s … 15 minutes.
ACCOUNT = Policy(free=5, first_wait=10, max_wait=900, forgotten_after=3600)
# One address that guesses for many accounts. Many people can share an address, so these waits are short.
ADDRESS = Policy(free=30, first_wait=1, max_wait=30, forgotten_after=900)

_DATABASE, _MEMORY = DatabaseStore(), MemoryStore()


@dataclass(frozen=True)
class Attempt:
    """`wait`: how many seconds the attempt must wait before it may be checked; 0 if it is counted and need not.

    `is_first`: no login failed from this address lately.
    """

    wait: int = 0
    is_first: bool = False


def count_attempt(username: str, address: str) -> Attempt:
    """Count an attempt to log in, unless it must wait: it does not make the wait longer then."""
    account, network = _hash("account", username, address), _hash("address", address)
    decision = _store(lambda store: store.take(account, ACCOUNT))
    if not decision.wait:
        decision = _store(lambda store: store.take(network, ADDRESS))
        if decision.wait:
            _store(lambda store: store.release(account))
    if decision.wait:
        logger.info("A login from %s must wait for %.0f s.", address, decision.wait)
    return Attempt(math.ceil(decision.wait), is_first=decision.failures == 0)


def release_attempt(username: str, address: str) -> None:
    """The counted attempt was not checked, so it does not count."""
    account, network = _hash("account", username, address), _hash("address", address)
    _store(lambda store: store.release(account))
    _store(lambda store: store.release(network))


def forget_failures(username: str, address: str) -> None:
    """After a login: the account's failures from this address no longer count."""
    account, network = _hash("account", username, address), _hash("address", address)
    _store(lambda store: store.forget(account))
    _store(lambda store: store.release(network))


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _store(action: Callable[[Store], T]) -> T:
    """The action in the database, or in this process if the database may only be read."""
    try:
        return action(_DATABASE)
    except DatabaseError as error:
        if not is_write_refused(error):
            raise
        return action(_MEMORY)
