"""Example responses in the OpenAPI description."""

from __future__ import annotations

import json

SERIES_EXAMPLE = {
    "slug": "nqh2025",
    "symbol": "NQH2025",
    "name": "",
    "bars": 301456,
    "first": "2023-12-15T14:31:00+00:00",
    "last": "2025-03-21T13:29:00+00:00",
    "freshness": "1 year ago",
    "last_run": {"id": 7, "status": "success", "finished_at": "2025-04-01T10:00:05.123456+00:00"},
    "tick_size": "0.25",
    "tick_size_source": "bars",
    "live": False,
    "contract": {
        "kind": "outright",
        "root": "NQ",
        "month": 3,
        "year": 2025,
        "first": "2023-12-15",
        "last": "2025-03-21",
        "expiration": "2025-03-21",
        "active": False,
        "settled": True,
        "raw_symbols": ["NQH5"],
    },
}
CHOICES_EXAMPLE = {
    "choices": [
        {
            "slug": "nqh2015",
            "symbol": "NQH2015",
            "first": "2014-01-02",
            "last": "2015-03-20",
            "url": "https://barkeep.example/api/market-data/nqh2015/ohlcv-1m/bars/?limit=10",
        },
        {
            "slug": "nqh2025",
            "symbol": "NQH2025",
            "first": "2023-12-15",
            "last": "2025-03-21",
            "url": "https://barkeep.example/api/market-data/nqh2025/ohlcv-1m/bars/?limit=10",
        },
    ]
}
GAPS_EXAMPLE = {
    "symbol": "CME_MINI:MNQ1!",
    "calendar": "CME Globex Equity",
    "verdicts": {"missing": {"gaps": 1, "open_minutes": 1380}, "no_trade": {"gaps": 2, "open_minutes": 3}},
    "gaps": [
        {
            "start": "2026-10-05T22:00:00+00:00",
            "end": "2026-10-06T21:00:00+00:00",
            "minutes": 1380,
            "open_minutes": 1380,
            "verdict": "missing",
            "evidence": "No bars are stored, and no history covers these minutes.",
            "until": None,
        },
    ],
    "next_cursor": None,
    "next": None,
}
STATS_EXAMPLE = {
    "row_count": 50000,
    "min_ts": "2024-01-01T23:00:00+00:00",
    "max_ts": "2024-02-21T12:19:00+00:00",
    "latest_close": 16465.75,
    "latest_ts": "2024-02-21T12:19:00+00:00",
    "symbol": "CME_MINI:MNQ1!",
    "timeframe": "1m",
    "vendor": "databento",
}
REVISIONS_EXAMPLE = {
    "symbol": "CME_MINI:MNQ1!",
    "order": "asc",
    "revisions": [
        {
            "ts": "2024-01-02T14:30:00+00:00",
            "operation": "update",
            "open": "16800.25",
            "high": "16801",
            "low": "16799.75",
            "close": "16800.5",
            "volume": 120,
            "brought_by": 1,
            "replaced_by": 2,
            "replaced_at": "2024-02-01T10:00:05.123456+00:00",
        }
    ],
    "next_cursor": None,
    "next": None,
}
COVERAGE_EXAMPLE = {
    "symbol": "CME_MINI:MNQ1!",
    "calendar": "CME Globex Equity",
    "session": "all",
    "days_are": "trading days of CME Globex Equity",
    "start": "2024-01-01T00:00:00+00:00",
    "end": "2024-01-02T22:01:00+00:00",
    "life": [{"start": "2024-01-01T00:00:00+00:00", "end": "2024-02-01T00:00:00+00:00"}],
    "days": [
        {
            "day": "2024-01-02",
            "start": "2023-12-29T23:00:00+00:00",
            "end": "2024-01-02T23:00:00+00:00",
            "ts": "2024-01-01T23:00:00+00:00",
            "bars": 1291,
            "open_bars": 1290,
            "expected": 1380,
            "expected_by_now": 1380,
            "forming": False,
            "first": "2024-01-02T00:00:00+00:00",
            "last": "2024-01-02T22:00:00+00:00",
            "gaps": 1,
            "extended_bars": 0,
            "outside_session": 1,
            "outside_data": False,
            "provisional": False,
            "verdict": "missing",
        }
    ],
    "outside_data_days": 0,
    "usual_bars": None,
    "missing_minutes": 90,
    "gap_count": 2,
    "open_gap_count": 2,
    "closed_gap_count": 0,
    "gaps": [
        {
            "start": "2024-01-01T00:00:00+00:00",
            "end": "2024-01-02T00:00:00+00:00",
            "after": None,
            "before": "2024-01-02T00:00:00+00:00",
            "minutes": 1440,
            "open_minutes": 60,
            "verdict": "missing",
            "evidence": "No bars are stored, and no history covers these minutes.",
        },
        {
            "start": "2024-01-02T09:20:00+00:00",
            "end": "2024-01-02T09:50:00+00:00",
            "after": "2024-01-02T09:19:00+00:00",
            "before": "2024-01-02T09:50:00+00:00",
            "minutes": 30,
            "open_minutes": 30,
            "verdict": "no_trade",
            "evidence": "A loaded file covers these minutes and has no bar.",
        },
    ],
    "outside_session_count": 1,
    "outside_session": ["2024-01-02T22:00:00+00:00"],
}
FEED_EXAMPLE = {
    "dataset": "GLBX.MDP3",
    "state": "live",
    "text": "live",
    "reason": "",
    "since": "2026-11-25T14:31:00+00:00",
    "seen_at": "2026-11-25T16:00:02+00:00",
    "gateway_time": "2026-11-25T16:00:00+00:00",
    "last_byte_at": "2026-11-25T16:00:00.013000+00:00",
    "last_bar_ts": "2026-11-25T15:59:00+00:00",
    "stored_until": "2026-11-25T16:00:00+00:00",
    "lag_ms": 31,
    "spool_files": 0,
    "sessions": 2,
    "reconnects": 1,
    "started_at": "2026-11-25T06:00:00+00:00",
    "process": "feeds-1 4711",
    "series_count": 1,
    "series": [{"slug": "mnq", "live": True, "feed_symbol": "MNQ.c.0", "vendor_symbols": ["MNQZ6"]}],
    "last_sessions": [
        {
            "id": 2,
            "gateway": "glbx-mdp3.lsg.databento.com:13000",
            "gateway_session": "1001",
            "started_at": "2026-11-25T14:30:58+00:00",
            "accepted_at": "2026-11-25T14:30:58.200000+00:00",
            "ended_at": None,
            "end": "",
            "error": "",
            "asked_start": "2026-11-25T13:29:00+00:00",
            "replay_from": "2026-11-25T13:29:00+00:00",
            "replayed_at": "2026-11-25T14:31:00+00:00",
            "closed_until": "2026-11-25T16:00:00+00:00",
            "last_bar_ts": "2026-11-25T15:59:00+00:00",
            "last_byte_at": "2026-11-25T16:00:00.013000+00:00",
            "bars": 151,
            "repeated": 0,
            "late": 0,
            "quarantined": 0,
            "series_count": 1,
            "series": [{"slug": "mnq", "vendor_symbol": "MNQZ6", "start": "2026-11-25T13:29:00+00:00"}],
        }
    ],
    "changed_days": [],
}

_BAR = {"open": "24710.25", "high": "24712", "low": "24708.5", "close": "24711.75", "volume": 412, "run_id": 5710}
_EVENTS = {
    "snapshot": {
        "symbol": "CME_MINI:MNQ1!",
        "timeframe": "1m",
        "session": "all",
        "bars": [{"ts": "2026-09-23T14:30:00+00:00", **_BAR, "provisional": True}],
        "state": {
            "state": "live",
            "text": "live",
            "reason": "",
            "since": "2026-09-23T13:05:11+00:00",
            "until": None,
            "last_bar": "2026-09-23T14:30:00+00:00",
            "lag_ms": 31,
            "now": "2026-09-23T14:31:00.412907+00:00",
        },
    },
    "bar": {"ts": "2026-09-23T14:31:00+00:00", **_BAR, "provisional": True},
    "revision": {"ts": "2026-09-22T08:15:00+00:00", "removed": True},
}
STREAM_EXAMPLE = "retry: 2000\n\n" + "".join(
    f"id: 17901738604129{number}.4711\nevent: {name}\ndata: {json.dumps(data)}\n\n"
    for number, (name, data) in enumerate(_EVENTS.items(), 10)
)
