"""The results of verify_candles, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable

from django.core.management.base import OutputWrapper
from django.core.serializers.json import DjangoJSONEncoder

from marketdata.formatting import format_count, format_list
from marketdata.rollup.verify import VerifyResult


def print_results(results: Iterable[VerifyResult], stdout: OutputWrapper, *, as_json: bool) -> list[VerifyResult]:
    """Print each result as soon as it is there, or all of them as one JSON object, and return them."""
    printed: list[VerifyResult] = []
    for result in results:
        printed.append(result)
        if not as_json:
            stdout.write(format_result(result))
    if as_json:
        stdout.write(json.dumps(serialize_results(printed), cls=DjangoJSONEncoder))
    elif not printed:
        stdout.write("There are no bars and no hours.")
    return printed


def count_unrepaired(results: Iterable[VerifyResult]) -> int:
    """How many series differ from their bars and were not repaired."""
    return sum(bool(result.difference_count) and not result.repaired for result in results)


def format_result(result: VerifyResult) -> str:
    """Format the result of one series: one line, or several where it differs from its bars."""
    bars = format_count(result.bar_count, "bar")
    if not result.difference_count:
        verb = "agrees" if result.hour_count == 1 else "agree"
        agreed = f"{result.symbol}: {format_count(result.hour_count, 'hour')} {verb} with {bars}"
        return f"{agreed}, of which {_describe_archived(result)}." if result.archived_years else f"{agreed}."
    lines = []
    if result.hours:
        verb = "differs" if len(result.hours) == 1 else "differ"
        lines.append(f"{format_count(len(result.hours), 'hour')} {verb} from the {bars}")
        lines += [f"  {difference}" for difference in result.first_differences]
        if len(result.hours) > len(result.first_differences):
            lines.append(f"  and {len(result.hours) - len(result.first_differences):,} more")
    if result.bar_count != result.recorded_bar_count:
        verb = "is" if result.recorded_bar_count == 1 else "are"
        recorded = format_count(result.recorded_bar_count, "bar")
        lines.append(f"{recorded} {verb} on record, and there are {result.bar_count:,}")
    lines += [_describe_archived(result)] if result.archived_years else []
    lines += ["repaired"] if result.repaired else []
    return "\n".join([f"{result.symbol}: {lines[0]}", *lines[1:]])


def _describe_archived(result: VerifyResult) -> str:
    years = format_list([str(year) for year in result.archived_years])
    verb = "is" if result.archived_hour_count == 1 else "are"
    hours = format_count(result.archived_hour_count, "hour")
    return f"{hours} of {years} {verb} archived and not compared (verify_lake compares them)"


def serialize_results(results: list[VerifyResult]) -> dict:
    """Return the JSON object for scripts: prices and volumes are strings, times ISO 8601 in UTC."""
    return {"ok": not count_unrepaired(results), "series": [_serialize_result(result) for result in results]}


def _serialize_result(result: VerifyResult) -> dict:
    return {
        "symbol": result.symbol,
        "hours": result.hour_count,
        "bars": result.bar_count,
        "bars_on_record": result.recorded_bar_count,
        "differences": result.difference_count,
        "first_differences": [
            {"hour": one.hour, "ledger": one.rollup, "bars": one.bars, "text": str(one)}
            for one in result.first_differences
        ],
        "repaired": result.repaired,
        "archived_years": result.archived_years,
    }
