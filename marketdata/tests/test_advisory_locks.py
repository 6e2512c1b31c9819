"""Every advisory lock has a key of its own, and all keys are in one module."""

import re
from pathlib import Path

from django.conf import settings
from django.db import connection

from config.testing.processes import session
from marketdata import advisory_locks
from marketdata.advisory_locks import BACKFILL, LIVE, describe_holder, find_holders

KEYS = {name: value for name, value in vars(advisory_locks).items() if name.isupper() and not name.startswith("_")}


def test_no_two_locks_have_the_same_key():
    assert len(set(KEYS.values())) == len(KEYS)


def test_a_class_is_not_the_first_half_of_a_single_key():
    classes = {value for value in KEYS.values() if isinstance(value, int)}
    assert classes.isdisjoint(value[0] for value in KEYS.values() if isinstance(value, tuple))


def test_no_other_module_writes_such_a_number():
    root = Path(settings.BASE_DIR)
    sources = [path for app in ("config", "ingestion", "marketdata") for path in (root / app).rglob("*.py")]
    found = [str(path.relative_to(root)) for path in sources if re.search(r"0x4241_?[5]2", path.read_text("utf-8"))]
    assert found == ["marketdata/advisory_locks.py"]


def test_the_holder_of_a_lock_is_named(market_db):
    with session() as other, connection.cursor() as cursor:
        other.execute("SET application_name = 'of a test'; SELECT pg_backend_pid()")
        pid = other.fetchone()[0]
        other.execute("SELECT pg_advisory_lock(%s, %s)", LIVE)
        assert find_holders(cursor, LIVE) == [pid]
        name, *_, process = describe_holder(cursor, LIVE).split(", ")
        assert (name, process) == ("of a test", f"server process {pid}")
        assert describe_holder(cursor, BACKFILL) == ""
