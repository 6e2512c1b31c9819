"""The SQL of each quality check. A query gives symbol, kind, start_ms, end_ms, bars, value and threshold.

It reads the views `bars`, `series` and `sessions`. Times are milliseconds since 1970, UTC. The kinds
of quality findings in the database have the same names here.
"""

from __future__ import annotations

from spark_jobs.checks.repeats import FLAT, REPEATED
from spark_jobs.checks.sessions import MISSING_MINUTES, OUTSIDE_SESSION
from spark_jobs.checks.values import DUPLICATE_KEY, HIGH_LOW_ENCLOSE, OFF_TICK, SPIKE, VOLUME_ZERO

CHECKS = {
    "missing_minutes": MISSING_MINUTES,
    "outside_session": OUTSIDE_SESSION,
    "volume_zero": VOLUME_ZERO,
    "off_tick": OFF_TICK,
    "spike": SPIKE,
    "flat": FLAT,
    "repeated": REPEATED,
    "high_low_enclose": HIGH_LOW_ENCLOSE,
    "duplicate_key": DUPLICATE_KEY,
}
