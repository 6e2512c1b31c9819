"""Statements whose number of rows is known beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.backends.utils import CursorWrapper
from psycopg2.sql import Composable

from ingestion.errors import DatabaseFailure


def execute_counted(
    cursor: CursorWrapper,
    sql: str | Composable,
    parameters: Mapping[str, Any] | None,
    *,
    expected: int,
    outcome: str = "nothing was stored",
) -> None:
    """Execute a statement that must write `expected` rows.

    Raises `DatabaseFailure` otherwise: a program that ignores the series' locks changed the table meanwhile.
    """
    cursor.execute(sql, parameters)
    if cursor.rowcount != expected:
        raise DatabaseFailure(
            f"Another program changed the table while it was written ({cursor.rowcount:,} bars where {expected:,} were "
            f"counted), so {outcome}: run the command again."
        )
