"""Health checks for load balancers."""

from __future__ import annotations

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from config.connections.monitor import monitor


def healthz(request: HttpRequest) -> JsonResponse:
    """200 whenever the process runs. It does not query the database: a database restart must not end web processes."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 if the database responds and has all migrations, else 503 with the reason."""
    if monitor.is_down:
        return _refuse("the database does not respond")
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error:
        return _refuse("the database does not respond")
    if missing:
        return _refuse(f"{len(missing)} migrations are not applied")
    return JsonResponse({"status": "ready"})


def _refuse(reason: str) -> JsonResponse:
    return JsonResponse({"status": "not ready", "reason": reason}, status=503, headers={"Retry-After": "10"})
