"""When an alert is sent, by the settings: severity, quiet hours, digest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from django.conf import settings

from marketdata.quality.detectors.thresholds import SEVERITIES

_DAY = timedelta(days=1)
_AT_ONCE = "critical"  # also in quiet hours
_MAX_DIGEST = "warning"  # the highest severity that waits for the digest


@dataclass(frozen=True)
class NotifyRules:
    """`quiet`: from when to when, in the zone, only critical alerts are sent. `digest_at`: when alerts of severity
    info and warning are sent, in one message a day; None: at once."""

    min_severity: str = "warning"
    quiet: tuple[time, time] | None = None
    digest_at: time | None = None
    zone: tzinfo = UTC

    @classmethod
    def read(cls) -> NotifyRules:
        """The rules of the settings."""
        return cls(
            min_severity=settings.NOTIFY_MIN_SEVERITY,
            quiet=settings.NOTIFY_QUIET_HOURS,
            digest_at=settings.NOTIFY_DIGEST_AT,
            zone=ZoneInfo(settings.NOTIFY_TIME_ZONE),
        )

    def is_raised(self, severity: str) -> bool:
        return rank(severity) >= rank(self.min_severity)

    def find_due(self, severity: str, now: datetime) -> tuple[datetime, bool]:
        """When an alert of `now` is due, and whether it is part of a digest."""
        if severity == _AT_ONCE:
            return now, False
        if self.digest_at is not None and rank(severity) <= rank(_MAX_DIGEST):
            return self._next(self.digest_at, now), True
        end = self._find_quiet_end(now)
        return (now, False) if end is None else (end, True)

    def _find_quiet_end(self, now: datetime) -> datetime | None:
        """When the quiet hours that contain `now` end; None outside them."""
        if self.quiet is None:
            return None
        start, end = self.quiet
        at = now.astimezone(self.zone).time()
        is_quiet = start <= at < end if start < end else at >= start or at < end
        return self._next(end, now) if is_quiet else None

    def _next(self, at: time, now: datetime) -> datetime:
        """The next time after `now` that clocks of the zone show `at`."""
        local = now.astimezone(self.zone)
        for day in (local.date(), local.date() + _DAY):
            due = datetime.combine(day, at, self.zone)
            if due > now:
                return due.astimezone(UTC)
        raise AssertionError("a day has every time of day, or skips it by less than a day")


def rank(severity: str) -> int:
    """The higher, the more severe."""
    return SEVERITIES.index(severity)
