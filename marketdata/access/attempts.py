"""How many attempts to log in are free, and how long the next ones wait; counts in the database or in the process."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.db import connection, transaction
from django.utils import timezone

from marketdata.models import FailedLogin

MAX_IN_MEMORY = 10_000
_MAX_DOUBLINGS = 20
_KEPT = 86_400  # seconds


@dataclass(frozen=True)
class Policy:
    """`free` attempts without a wait; then waits from `first_wait` to `max_wait`, each twice the one before.

    All counts are forgotten `forgotten_after` the last attempt. Times are in seconds.
    """

    free: int
    first_wait: int
    max_wait: int
    forgotten_after: int

    def compute_wait(self, failures: int) -> timedelta:
        """How long the next attempt waits after this number of failures."""
        if failures < self.free:
            return timedelta(0)
        return timedelta(seconds=min(self.max_wait, self.first_wait * 2 ** min(failures - self.free, _MAX_DOUBLINGS)))


@dataclass(frozen=True)
class Attempts:
    """The counted attempts of one key, and until when the next one waits."""

    failures: int
    last_at: datetime
    wait_until: datetime

    def count(self, policy: Policy, now: datetime) -> Attempts:
        """After one more attempt at `now`."""
        is_forgotten = (now - self.last_at).total_seconds() > policy.forgotten_after
        failures = 1 if is_forgotten else self.failures + 1
        return Attempts(failures, now, now + policy.compute_wait(failures))

    def release(self, now: datetime) -> Attempts:
        """As if the last attempt had not been made."""
        return Attempts(max(0, self.failures - 1), self.last_at, now)


@dataclass(frozen=True)
class Decision:
    """`wait`: the seconds to wait; 0 if the attempt is counted and may be made. `failures`: those before it."""

    wait: float = 0.0
    failures: int = 0


class Store(Protocol):
    """Where attempts are counted."""

    def take(self, key: str, policy: Policy) -> Decision: ...

    def release(self, key: str) -> None: ...

    def forget(self, key: str) -> None: ...


class DatabaseStore:
    """The counts of all web processes, by the database's clock. Each change holds a lock on its row."""

    def take(self, key: str, policy: Policy) -> Decision:
        # Without a write first: a client that goes on guessing must cost little.
        if wait := self._read_wait(key):
            return Decision(wait)
        with transaction.atomic():
            stored, now = self._lock(key)
            if stored.wait_until > now:
                return Decision((stored.wait_until - now).total_seconds())
            counted = stored.count(policy, now)
            self._save(key, counted)
        return Decision(failures=counted.failures - 1)

    def release(self, key: str) -> None:
        with transaction.atomic():
            stored, now = self._lock(key)
            self._save(key, stored.release(now))

    def forget(self, key: str) -> None:
        FailedLogin.objects.filter(key=key).delete()

    def _read_wait(self, key: str) -> float:
        with connection.cursor() as cursor:
            cursor.execute(_WAIT, [key])
            row = cursor.fetchone()
        return max(0.0, float(row[0])) if row else 0.0

    def _lock(self, key: str) -> tuple[Attempts, datetime]:
        with connection.cursor() as cursor:
            cursor.execute(_LOCK, [key])
            *stored, now, is_new = cursor.fetchone()
            if is_new:
                cursor.execute(_DELETE_OLD, [_KEPT])
        return Attempts(*stored), now

    def _save(self, key: str, attempts: Attempts) -> None:
        FailedLogin.objects.filter(key=key).update(
            failures=attempts.failures, last_at=attempts.last_at, wait_until=attempts.wait_until
        )


_WAIT = "SELECT extract(epoch FROM wait_until - clock_timestamp()) FROM access_failed_logins WHERE key = %s"
# One statement: a row that exists cannot be deleted between an INSERT and a SELECT. xmax is 0 in a new row.
_LOCK = """
INSERT INTO access_failed_logins AS stored (key, failures, last_at, wait_until)
VALUES (%s, 0, clock_timestamp(), clock_timestamp())
ON CONFLICT (key) DO UPDATE SET failures = stored.failures
RETURNING failures, last_at, wait_until, clock_timestamp(), xmax = 0
"""
# SKIP LOCKED: two processes that delete the same rows do not wait for each other.
_DELETE_OLD = """
DELETE FROM access_failed_logins WHERE key IN (
    SELECT key FROM access_failed_logins
    WHERE last_at < clock_timestamp() - make_interval(secs => %s)
    FOR UPDATE SKIP LOCKED
)
"""


class MemoryStore:
    """The counts of this process, where the database may only be read. The oldest of `MAX_IN_MEMORY` keys go first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._attempts: dict[str, Attempts] = {}

    def take(self, key: str, policy: Policy) -> Decision:
        now = timezone.now()
        with self._lock:
            stored = self._attempts.pop(key, None) or Attempts(0, now, now)
            waits = stored.wait_until > now
            counted = self._attempts[key] = stored if waits else stored.count(policy, now)
            if len(self._attempts) > MAX_IN_MEMORY:
                del self._attempts[next(iter(self._attempts))]
        return Decision((stored.wait_until - now).total_seconds()) if waits else Decision(failures=counted.failures - 1)

    def release(self, key: str) -> None:
        with self._lock:
            if key in self._attempts:
                self._attempts[key] = self._attempts[key].release(timezone.now())

    def forget(self, key: str) -> None:
        with self._lock:
            self._attempts.pop(key, None)
