"""For load balancers: whether the process lives, and whether it can do its work."""

from __future__ import annotations

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse


def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers; asks nothing else, so that a database restart does not kill web processes."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and has all migrations, else 503 with what is missing."""
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error:
        return JsonResponse({"status": "not ready", "reason": "the database does not answer"}, status=503)
    if missing:
        return JsonResponse({"status": "not ready", "reason": f"{len(missing)} migrations are not applied"}, status=503)
    return JsonResponse({"status": "ready"})
