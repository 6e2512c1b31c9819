"""A valid row of each table, inserted with plain SQL."""

from decimal import Decimal
from typing import Any

from django.db import connection, transaction

GOOD = {
    "data_ingest_runs": {
        "id": 1,
        "vendor": "databento",
        "dataset": "mnq_ohlcv_1m",
        "vendor_dataset": "GLBX.MDP3",
        "schema": "ohlcv-1m",
        "symbols": ["CME_MINI:MNQ1!"],
        "file_name": "mnq.dbn",
        "file_path": "/raw/mnq.dbn",
        "file_sha256": "0123456789abcdef" * 4,
        "requested_symbol": "",
        "replace_instrument": False,
        "status": "success",
        "started_at": "2024-02-01 10:00:00+00",
        "finished_at": "2024-02-01 10:00:05+00",
        "error": "",
        "row_count": 6,
        "inserted_count": 3,
        "updated_count": 2,
        "changed_count": 1,
        "duplicate_count": 1,
        "removed_count": 0,
        "gap_count": 0,
        "min_ts": "2024-01-02 00:00:00+00",
        "max_ts": "2024-01-02 00:05:00+00",
    },
    "market_bars_ohlcv_1m": {
        "symbol": "CME_MINI:MNQ1!",
        "ts": "2024-01-02 00:00:00+00",
        "ts_ms": 1_704_153_600_000,
        "open": Decimal("16800.25"),
        "high": Decimal("16801"),
        "low": Decimal("16799.75"),
        "close": Decimal("16800.5"),
        "volume": 120,
        "ingestion_run_id": 1,
    },
    "market_bar_revisions": {
        "symbol": "CME_MINI:MNQ1!",
        "ts": "2024-01-02 00:00:00+00",
        "open": 1,
        "high": 3,
        "low": 1,
        "close": 2,
        "volume": 5,
        "created_at": "2024-02-01 10:00:00+00",
        "ingestion_run_id": 1,
        "revised_by_id": 1,
        "operation": "update",
    },
    "market_archived_years": {
        "year": 2018,
        "lake": "/lake",
        "lake_as_of": "2024-02-01 10:00:00+00",
        "bar_count": 350_000,
        "archived_at": "2024-02-01 10:01:00+00",
        "dropped_at": None,
    },
    "market_series": {
        "slug": "es",
        "symbol": "CME_MINI:ES1!",
        "name": "",
        "vendor": "databento",
        "dataset": "GLBX.MDP3",
        "vendor_symbols": ["ES.c.0"],
        "calendar": "",
        "tick_size": Decimal("0.25"),
        "created_at": "2024-02-01 10:00:00+00",
    },
    "market_series_instruments": {
        "series_id": 1,
        "dataset": "GLBX.MDP3",
        "publisher_id": 1,
        "instrument_id": 42_000_001,
        "start_date": "2024-01-02",
        "end_date": "2024-01-03",
        "run_id": 1,
    },
}
# Tables that no dump of market data has.
ACCESS = {
    "access_api_tokens": {
        "name": "notebook",
        "user_id": 1,
        "digest": "0123456789abcdef" * 4,
        "scope": "read",
        "created_at": "2024-02-01 10:00:00+00",
    },
    "access_failed_logins": {
        "key": "0123456789abcdef" * 4,
        "failures": 1,
        "last_at": "2024-02-01 10:00:00+00",
        "wait_until": "2024-02-01 10:00:00+00",
    },
}
TOKENS, FAILED_LOGINS = ACCESS
# What is known about the vendor. A request that is stored, and what belongs to it.
FEEDS: dict[str, dict[str, Any]] = {
    "market_feed_requests": {
        "id": 1,
        "series_id": 1,
        "dataset": "GLBX.MDP3",
        "schema": "ohlcv-1m",
        "stype_in": "continuous",
        "vendor_symbol": "MNQ.c.0",
        "start": "2024-01-01 00:00:00+00",
        "end": "2024-02-01 00:00:00+00",
        "reason": "missing",
        "mode": "stream",
        "state": "stored",
        "priced_at": "2024-02-02 10:00:00+00",
        "priced_usd": Decimal("0.40"),
        "priced_records": 30_000,
        "bought_at": "2024-02-02 10:00:01+00",
        "charged_usd": Decimal("0.40"),
        "job_id": "",
        "file_path": "/feeds/mnq.dbn.zst",
        "file_sha256": "0123456789abcdef" * 4,
        "file_size": 400_000,
        "received_records": 30_000,
        "run_id": 1,
        "warnings": "",
        "error": "",
    },
    "market_backfills": {
        "daily": False,
        "series": ["mnq"],
        "requested_by": "",
        "started_at": "2024-02-02 10:00:00+00",
        "finished_at": "2024-02-02 10:01:00+00",
        "status": "success",
        "error": "",
        "summary": "{}",
    },
    "market_vendor_datasets": {
        "dataset": "GLBX.MDP3",
        "available_start": "2010-06-06 00:00:00+00",
        "available_end": "2024-02-02 00:00:00+00",
        "seen_at": "2024-02-03 00:00:00+00",
    },
    "market_vendor_days": {
        "dataset": "GLBX.MDP3",
        "day": "2024-01-02",
        "condition": "available",
        "was": "",
        "seen_at": "2024-02-03 00:00:00+00",
    },
    "market_series_days": {
        "series_id": 1,
        "day": "2024-01-02",
        "covered_until": "2024-01-03 00:00:00+00",
        "records": 1379,
        "changed": 0,
        "condition": "available",
        "confirmed_at": "2024-02-03 00:00:00+00",
    },
    "market_known_empty": {
        "series_id": 1,
        "dataset": "GLBX.MDP3",
        "vendor_symbol": "MNQ.c.0",
        "start": "2024-01-06 00:00:00+00",
        "end": "2024-01-07 00:00:00+00",
        "why": "no_records",
        "evidence": "The vendor counts 0 records.",
        "learned_at": "2024-02-03 00:00:00+00",
    },
    "feed_store": {"identifier": "11111111-1111-1111-1111-111111111111"},
    "market_feed_sessions": {
        "id": 1,
        "dataset": "GLBX.MDP3",
        "gateway": "glbx-mdp3.lsg.databento.com:13000",
        "gateway_session": "1001",
        "started_at": "2024-02-03 10:00:00+00",
        "ended_at": "2024-02-03 11:00:00+00",
        "end": "eof",
        "error": "",
        "unproven": [],
        "bars": 60,
        "repeated": 0,
        "late": 0,
        "quarantined": 0,
    },
    "market_feed_session_series": {
        "series_id": 1,
        "session_id": 1,
        "vendor_symbol": "MNQH4",
        "stype_in": "raw_symbol",
    },
    "market_feed_status": {
        "dataset": "GLBX.MDP3",
        "state": "live",
        "since": "2024-02-03 10:00:00+00",
        "reason": "",
        "spool_files": 0,
        "sessions": 1,
        "reconnects": 0,
        "process": "",
        "seen_at": "2024-02-03 10:30:00+00",
        "started_at": "2024-02-03 10:00:00+00",
    },
}
# What the checks of the bars found.
QUALITY: dict[str, dict[str, Any]] = {
    "market_quality_findings": {
        "id": 1,
        "series_id": 1,
        "kind": "spike",
        "severity": "error",
        "start": "2024-01-02 10:00:00+00",
        "end": "2024-01-02 10:01:00+00",
        "value": 40.0,
        "threshold": 12.0,
        "text": "The price left its range and came back.",
        "evidence": "[]",
        "group": "",
        "run_id": 1,
        "first_seen": "2024-02-03 10:00:00+00",
        "last_seen": "2024-02-03 10:00:00+00",
        "state": "open",
    },
    "market_quality_events": {
        "finding_id": 1,
        "at": "2024-02-03 10:00:00+00",
        "event": "found",
        "by": "",
        "note": "",
    },
    "market_quality_checks": {
        "series_id": 1,
        "start": "2024-01-02 00:00:00+00",
        "end": "2024-02-02 00:00:00+00",
        "first_at": "2024-02-03 10:00:00+00",
        "last_at": "2024-02-03 10:00:00+00",
    },
}
# Messages about findings.
ALERTS: dict[str, dict[str, Any]] = {
    "market_quality_alerts": {
        "id": 1,
        "event": "raised",
        "cause": "run 1",
        "severity": "error",
        "subject": "1 spike in mnq (run 1)",
        "body": "The price left its range and came back.",
        "created_at": "2024-02-03 10:00:00+00",
        "requested_by": "",
    },
    "market_quality_alert_events": {"event_id": 1, "alert_id": 1, "outcome": "alerted"},
    "market_quality_deliveries": {
        "alert_id": 1,
        "channel": "webhook",
        "state": "delivered",
        "due_at": "2024-02-03 10:00:00+00",
        "is_digest": False,
        "attempts": 1,
        "claimed_at": "2024-02-03 10:00:01+00",
        "claimed_by": "host:1:a",
        "may_repeat": False,
        "delivered_at": "2024-02-03 10:00:02+00",
        "error": "",
    },
}
BARS, REVISIONS, RUNS, SERIES, INSTRUMENTS, ARCHIVED_YEARS = (
    "market_bars_ohlcv_1m",
    "market_bar_revisions",
    "data_ingest_runs",
    "market_series",
    "market_series_instruments",
    "market_archived_years",
)
RUNNING = {
    "status": "running",
    "finished_at": None,
    "row_count": 0,
    "inserted_count": 0,
    "updated_count": 0,
    "changed_count": 0,
    "duplicate_count": 0,
    "min_ts": None,
    "max_ts": None,
}
FAILED = RUNNING | {"status": "failed", "error": "mnq.dbn is cut off.", "finished_at": "2024-02-01 10:00:05+00"}

UNDO = {
    "kind": "undo",
    "undoes_id": 1,
    "file_path": "",
    "file_sha256": "",
    "row_count": 6,
    "inserted_count": 1,
    "updated_count": 2,
    "changed_count": 2,
    "removed_count": 3,
    "duplicate_count": 0,
    "left_count": 0,
}


def execute(sql: str, *parameters: Any) -> int:
    """Run a statement in a transaction of its own, and return how many rows it affected."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        affected: int = cursor.rowcount
        return affected


def insert(table: str, **changes: Any) -> int:
    """Insert the table's valid row with some values changed."""
    row = (GOOD | ACCESS | FEEDS | QUALITY | ALERTS)[table] | changes
    columns, marks = ", ".join(f'"{name}"' for name in row), ", ".join(["%s"] * len(row))
    return execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", *row.values())  # noqa: S608


def execute_one(sql: str, *parameters: Any) -> object:
    """The first value that a query returns."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0]
