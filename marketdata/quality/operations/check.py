"""The check of what brings the bars: it judges no bars, and costs a few queries."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from marketdata.models import QualityFinding
from marketdata.quality.operations.backfills import IDENTITY as DAILY_BACKFILL
from marketdata.quality.operations.backfills import find_failed_backfills
from marketdata.quality.operations.costs import find_costs
from marketdata.quality.operations.feeds import find_live_differences, find_outages
from marketdata.quality.operations.runs import find_failed_runs, find_revision_storms
from marketdata.quality.store.reconcile import Changes, Rules, reconcile
from marketdata.quality.store.write import lock_findings, write_changes
from marketdata.runs.locks import close_orphaned_runs

KINDS = ("run_failed", "revision_storm", "feed_outage", "budget", "cross_check")
_REASONS = {
    "run_failed": "The file was loaded since, or a user dismissed the failure.",
    "revision_storm": "The run was undone, or its threshold was raised.",
    "feed_outage": "The feed is live again, or its exchange is closed.",
    "budget": "Less than the threshold is spent or used.",
    "cross_check": "History and stored bars agree.",
}


def check_operations(now: datetime, *, dry_run: bool = False) -> Changes:
    """Look for faults of runs, feeds, money and space, and return those findings as they are after the check. A dry run
    stores nothing."""
    if not dry_run:
        close_orphaned_runs()
    with transaction.atomic():
        if not dry_run:
            lock_findings(None)
        found = [
            *find_failed_runs(),
            *find_failed_backfills(),
            *find_revision_storms(),
            *find_outages(now),
            *find_costs(now),
            *find_live_differences(),
        ]
        stored = list(QualityFinding.objects.filter(kind__in=KINDS))
        changes = reconcile(stored, found, Rules(now, _is_in_scope, explain=_explain))
        if not dry_run:
            write_changes(changes)
    return changes


def _explain(finding: QualityFinding) -> str:
    if finding.identity == DAILY_BACKFILL:
        return "A backfill of its series succeeded since, or they are no longer backfilled daily."
    return _REASONS[finding.kind]


def _is_in_scope(finding: QualityFinding) -> bool:
    """Differences from a file that was given to a check are compared again only with such a file."""
    return not finding.identity.startswith("file ")
