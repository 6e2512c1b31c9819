"""The spending of a month as text for a terminal and as JSON for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from ingestion.cli.report import RULE
from ingestion.feeds.history.budget import format_usd
from ingestion.feeds.spending import Amount, MonthlySpending, Spending

_COLUMNS = ("priced", "bought", "arrived", "open", "nothing", "refused")
_TITLES = {"nothing": "paid for nothing"}


def format_spending(spending: MonthlySpending) -> str:
    """A table of the series, their sum, and how near the cap is."""
    rows = [["", *(_TITLES.get(name, name) for name in _COLUMNS)]]
    rows += [_format_row(one, one.slug) for one in spending.series]
    if len(spending.series) != 1:
        rows.append(_format_row(spending.total, "total"))
    return "\n".join(
        [RULE, f"SPENDING in {spending.month:%B %Y} (UTC)", RULE, *_align(rows), RULE, *_list_caps(spending)]
    )


def serialize_spending(spending: MonthlySpending) -> dict[str, Any]:
    """Money is USD, as text."""
    budget = spending.budget
    return {
        "month": f"{spending.month:%Y-%m}",
        "series": [{"series": one.slug, **_serialize(one)} for one in spending.series],
        "total": _serialize(spending.total),
        "caps": {
            "run_usd": str(budget.run_cap) if budget else None,
            "month_usd": str(spending.month_cap),
            "month_charged_usd": str(spending.total.bought.usd),
            "month_left_usd": str(max(Decimal(0), spending.month_cap - spending.total.bought.usd)),
            "month_used_percent": _find_percent(spending),
        },
    }


def _serialize(one: Spending) -> dict[str, Any]:
    amounts: dict[str, Amount] = {name: getattr(one, name) for name in _COLUMNS}
    return {name: {"requests": amount.count, "usd": str(amount.usd)} for name, amount in amounts.items()}


def _format_row(one: Spending, name: str) -> list[str]:
    amounts: list[Amount] = [getattr(one, column) for column in _COLUMNS]
    return [name, *(f"{amount.count:,}: {format_usd(amount.usd)}" if amount.count else "-" for amount in amounts)]


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _list_caps(spending: MonthlySpending) -> list[str]:
    charged, cap = spending.total.bought.usd, spending.month_cap
    if not cap:
        return [f"Charged: {format_usd(charged)}. FEED_MAX_USD_PER_MONTH is not set, so nothing is bought."]
    lines = [f"Charged: {format_usd(charged)} of {format_usd(cap)} for a month ({_find_percent(spending)} %)."]
    if spending.budget:
        run_cap = spending.budget.run_cap
        lines.append(f"Cap of a backfill: {format_usd(run_cap)}." if run_cap else "FEED_MAX_USD_PER_RUN is not set.")
    return lines


def _find_percent(spending: MonthlySpending) -> float | None:
    cap = spending.month_cap
    return float(round(100 * spending.total.bought.usd / cap, 1)) if cap else None
