"""The answers of the historical API that are JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING

from .batch_jobs import describe_symbology
from .contracts import DATASET_START
from .market import DATASET, PUBLISHER
from .queries import Query, Refused
from .times import to_day, to_iso, to_ns

if TYPE_CHECKING:
    from .historical import Ask, FakeHistorical

SCHEMAS = (
    *("mbo", "mbp-1", "trades", "ohlcv-1s", "ohlcv-1m", "ohlcv-1h", "ohlcv-1d", "definition", "statistics", "status"),
)
Fields = dict[str, str]


def answer_json(historical: FakeHistorical, ask: Ask, endpoint: str, fields: Fields) -> object:
    """The answer of an endpoint. Raises Refused as the API does."""
    if endpoint == "batch.submit_job":
        query = historical.parse(fields)
        purchase = historical.buy(ask, "batch", query)
        purchase.whole = True
        return historical.jobs.submit(query, fields, purchase.records)
    if answer := _ANSWERS.get(endpoint):
        return answer(historical, fields)
    raise Refused(404, "not_found", f"no such endpoint {endpoint}")


def read_batch_file(historical: FakeHistorical, path: str) -> bytes:
    """The file at /v0/batch/download/USER/JOB/NAME."""
    *_, job_id, name = path.split("/")
    return historical.jobs.get_files(job_id)[name]


def _get_range(historical: FakeHistorical, fields: Fields) -> object:
    span = {"start": to_iso(to_ns(DATASET_START)), "end": to_iso(historical.available_end)}
    return span | {"schema": {schema: dict(span) for schema in SCHEMAS}}


def _get_conditions(historical: FakeHistorical, fields: Fields) -> object:
    now, available_end = historical.now(), historical.available_end
    first = _to_date(fields.get("start_date"), DATASET_START)
    last = min(_to_date(fields.get("end_date"), to_day(available_end)), to_day(now))
    return historical.market.conditions(max(first, DATASET_START), last, available_end, now)


def _resolve(historical: FakeHistorical, fields: Fields) -> object:
    first = _to_date(fields["start_date"], DATASET_START)
    last = _to_date(fields.get("end_date"), first + timedelta(days=1))
    symbols = tuple(symbol for symbol in fields["symbols"].split(",") if symbol)
    query = Query(symbols, fields["stype_in"], "ohlcv-1m", to_ns(first), to_ns(last))
    return describe_symbology(historical.market.resolve, query, fields["stype_out"])


def _list_unit_prices(historical: FakeHistorical, fields: Fields) -> object:
    prices = dict.fromkeys(SCHEMAS, historical.unit_price)
    return [{"mode": mode, "unit_prices": prices} for mode in ("historical", "historical-streaming", "live")]


def _list_publishers(historical: FakeHistorical, fields: Fields) -> object:
    return [{"publisher_id": PUBLISHER, "dataset": DATASET, "venue": "GLBX", "description": "CME Globex MDP 3.0"}]


def _to_date(text: str | None, default: date) -> date:
    return date.fromisoformat(text[:10]) if text else default


_ANSWERS: dict[str, Callable[[FakeHistorical, Fields], object]] = {
    "metadata.get_cost": lambda historical, fields: historical.price(historical.parse(fields)),
    "metadata.get_record_count": lambda historical, fields: historical.count(historical.parse(fields)),
    "metadata.get_billable_size": lambda historical, fields: historical.count(historical.parse(fields)) * 56,
    "metadata.get_dataset_range": _get_range,
    "metadata.get_dataset_condition": _get_conditions,
    "metadata.list_unit_prices": _list_unit_prices,
    "metadata.list_datasets": lambda historical, fields: [DATASET],
    "metadata.list_schemas": lambda historical, fields: SCHEMAS,
    "metadata.list_publishers": _list_publishers,
    "symbology.resolve": _resolve,
    "batch.list_jobs": lambda historical, fields: historical.jobs.list_jobs(fields),
    "batch.get_job_details": lambda historical, fields: historical.jobs.describe(fields["job_id"]),
    "batch.list_files": lambda historical, fields: historical.jobs.list_files(fields["job_id"]),
}
