"""What a request asks for, and the refusals that the API gives, as public logs show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from .contracts import DATASET_START
from .market import DATASET, Market
from .times import DAY, to_day, to_iso, to_ns, to_sentence

DOCS = "https://databento.com/docs"
_DATASETS = "/api-reference-historical/basics/datasets"
_FIELDS = "/standards-and-conventions/common-fields-enums-types"
_SYMBOLOGY = "/standards-and-conventions/symbology"
_DEFAULT_DAYS = {4: 366, 7: 31, 10: 1}
"""Days that a request without an end covers, by the length of its start: a year, a month or a day."""


class Refused(Exception):
    """An answer that is an error, with its JSON body."""

    def __init__(self, status: int, case: str, message: str, *, payload: object = None, docs: str = _DATASETS) -> None:
        super().__init__(message)
        self.status = status
        detail = {"case": case, "message": message, "status_code": status, "docs": DOCS + docs, "payload": payload}
        self.body = {"detail": detail}


@dataclass(frozen=True)
class Query:
    """A request for records. Times in ns; `end` is not included."""

    symbols: tuple[str, ...]
    stype_in: str
    schema: str
    start: int
    end: int
    limit: int | None = None

    @property
    def first_day(self) -> date:
        return to_day(self.start)

    @property
    def last_day(self) -> date:
        """Not included."""
        return to_day(self.end - 1) + timedelta(days=1)

    def read_rows(self, market: Market, as_of: int) -> np.ndarray:
        return market.bars(self.symbols, self.stype_in, self.start, self.end, as_of=as_of)[: self.limit]

    def covers(self, other: Query) -> bool:
        """Whether all records of the other query are records of this one."""
        same = set(self.symbols) == set(other.symbols) and (self.stype_in, self.schema) == (
            other.stype_in,
            other.schema,
        )
        return same and self.start <= other.start and self.end >= other.end


def parse_query(fields: Mapping[str, str], market: Market, available_end: int, refusal: str) -> Query:
    """The query of a request. Raises Refused as the API does; `refusal` is the kind for an end after
    `available_end`."""
    if fields.get("dataset") != DATASET:
        raise Refused(422, "data_invalid_dataset", f"Invalid dataset '{fields.get('dataset', '')}'.")
    start = to_ns(fields["start"])
    end = to_ns(fields["end"]) if fields.get("end") else start + _DEFAULT_DAYS.get(len(fields["start"]), 1) * DAY
    _check_range(start, end, available_end, refusal)
    query = Query(
        symbols=tuple(symbol for symbol in fields.get("symbols", "").split(",") if symbol),
        stype_in=fields.get("stype_in", "raw_symbol"),
        schema=fields.get("schema", "trades"),
        start=start,
        end=end,
        limit=int(fields["limit"]) if fields.get("limit") else None,
    )
    days = query.first_day, query.last_day
    if not any(market.resolve(symbol, query.stype_in, *days) for symbol in query.symbols):
        is_smart = query.stype_in in ("parent", "continuous")
        smart = f"Could not resolve smart symbols: {','.join(query.symbols)}"
        message = smart if is_smart else "None of the symbols could be resolved."
        raise Refused(422, "symbology_invalid_request", message, docs=_SYMBOLOGY)
    return query


def _check_range(start: int, end: int, last: int, refusal: str) -> None:
    first = to_ns(DATASET_START)
    asked = {"start": to_iso(start), "end": to_iso(end)}
    if start >= end:
        message = f"`start` {to_sentence(start)} cannot be on or after `end` {to_sentence(end)}."
        message = f"Invalid time range query, {message}"
        raise Refused(422, "data_time_range_start_on_or_after_end", message, payload=asked, docs=_FIELDS)
    payload = {"dataset": DATASET, **asked, "available_start": to_iso(first), "available_end": to_iso(last)}
    if start < first:
        message = _outside("start", start, "before", "start", first, "later")
        raise Refused(422, "data_start_before_available_start", message, payload=payload)
    if end > last:
        raise _refuse_end(start, end, last, refusal, payload)


def _refuse_end(start: int, end: int, last: int, refusal: str, payload: dict[str, Any]) -> Refused:
    if refusal == "license_not_found_unauthorized":
        message = f"A live data license is required to access {DATASET} data after {to_iso(last)}."
        return Refused(403, refusal, message)
    if refusal == "dataset_unavailable_range":
        message = (
            f"Part or all of your request for dataset '{DATASET}' requires a subscription and/or license to access. "
            f"Try again with an end time before {to_iso(last)}."
        )
        return Refused(422, refusal, message)
    if start >= last:
        message = _outside("start", start, "after", "end", last, "earlier")
        return Refused(422, "data_start_after_available_end", message, payload=payload)
    message = (
        f"The dataset {DATASET} has data available up to '{to_sentence(last)}'. The `end` in the query "
        f"('{to_sentence(end)}') is after the available range. Try requesting with an earlier `end`."
    )
    return Refused(422, "data_end_after_available_end", message, payload=payload)


def _outside(field: str, value: int, side: str, limit: str, limit_value: int, better: str) -> str:
    return (
        f"`{field}` in query ('{to_sentence(value)}') was {side} the available {limit} of dataset {DATASET} "
        f"('{to_sentence(limit_value)}'). Try requesting with an {better} `{field}`."
    ).replace("an later", "a later")
