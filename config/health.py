"""Health checks for load balancers."""

from __future__ import annotations

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse


def healthz(request: HttpRequest) -> JsonResponse:
    """200 whenever the process runs. It does not query the database: a database restart must not end web processes."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 if the database responds and has all migrations, else 503 with the reason."""
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error:
        return JsonResponse({"status": "not ready", "reason": "the database does not respond"}, status=503)
    if missing:
        return JsonResponse({"status": "not ready", "reason": f"{len(missing)} migrations are not applied"}, status=503)
    return JsonResponse({"status": "ready"})
