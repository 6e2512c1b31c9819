"""The values in the vendor's answers, each checked before anything is compared or stored."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, Decimal

from ingestion.feeds.asks import DayCondition, JobFile, MappedContract
from ingestion.feeds.errors import FeedRefused
from marketdata.models import VendorDay

_MAX_USD = 1_000_000
_MAX_RECORDS = 1 << 40
_MILLIONTH = Decimal("0.000001")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?)?")
_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_JOB_ID = re.compile(r"[\w-]{1,64}", re.ASCII)


def parse_time(text: object) -> datetime | None:
    """The UTC time that the vendor writes as a date, or with up to nine decimals; None for anything else.

    Its seconds and decimals are dropped: requests have whole minutes.
    """
    found = _TIME.fullmatch(text.strip()) if isinstance(text, str) else None
    if not found:
        return None
    day, clock, offset = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}{(offset or 'Z')}")
    except ValueError:
        return None
    return moment.astimezone(UTC).replace(second=0)


def read_usd(value: object) -> Decimal:
    """The dollars of get_cost, rounded up to a millionth. Raises `FeedRefused` unless it is a number from 0 on."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _refuse("price", value, "a number")
    if not 0 <= value < _MAX_USD:
        raise _refuse("price", value, f"between 0 and {_MAX_USD:,} USD")
    return Decimal(repr(value)).quantize(_MILLIONTH, rounding=ROUND_CEILING)


def read_count(value: object) -> int:
    """The records of get_record_count. Raises `FeedRefused` unless it is a whole number from 0 on."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MAX_RECORDS:
        raise _refuse("record count", value, "a whole number from 0 on")
    return value


def read_range(value: object, schema: str) -> tuple[datetime, datetime]:
    """Start and end of what get_dataset_range states for the schema, or else for the dataset. UTC, whole minutes."""
    stated = value if isinstance(value, dict) else {}
    schemas = stated.get("schema")
    own = schemas.get(schema) if isinstance(schemas, dict) else None
    own = own if isinstance(own, dict) else stated
    start, end = parse_time(own.get("start")), parse_time(own.get("end"))
    if start is None or end is None:
        raise _refuse("available range", value, "a start and an end")
    return start, end


def read_conditions(value: object) -> list[DayCondition]:
    """The days of get_dataset_condition."""
    if not isinstance(value, list):
        raise _refuse("day conditions", value, "a list")
    return [_read_condition(day) for day in value]


def _read_condition(stated: object) -> DayCondition:
    found = stated if isinstance(stated, dict) else {}
    day, modified = _parse_day(found.get("date")), found.get("last_modified_date")
    condition = str(found.get("condition")).lower()
    if day is None or condition not in VendorDay.Condition.values or (modified and _parse_day(modified) is None):
        raise _refuse("day condition", stated, "a date with a known condition")
    return DayCondition(day=day, condition=condition, modified=_parse_day(modified))


def _parse_day(text: object) -> date | None:
    moment = parse_time(text)
    return moment.date() if moment else None


def read_job_id(value: object) -> str | None:
    """The id of a batch job, None without one."""
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str) and _JOB_ID.fullmatch(found) else None


def read_jobs(value: object) -> list[object]:
    """The batch jobs of list_jobs."""
    if not isinstance(value, list):
        raise _refuse("list of batch jobs", value, "a list")
    return value


def read_files(value: object) -> list[JobFile]:
    """The files of a batch job. Raises `FeedRefused` for one without a name, size, SHA-256 or address."""
    if not isinstance(value, list):
        raise _refuse("list of files", value, "a list")
    return [_read_file(file) for file in value]


def _read_file(stated: object) -> JobFile:
    found = stated if isinstance(stated, dict) else {}
    urls = found.get("urls")
    name, size, url = found.get("filename"), found.get("size"), urls.get("https") if isinstance(urls, dict) else None
    sha256 = _SHA256.fullmatch(str(found.get("hash")))
    if not (isinstance(name, str) and name and isinstance(url, str) and sha256):
        raise _refuse("file of a batch job", stated, "a name, a size, a SHA-256 and an address")
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise _refuse("size of a file", size, "a number of bytes")
    return JobFile(name=name, size=size, sha256=sha256[1], url=url)


def read_contracts(value: object) -> dict[str, list[MappedContract]]:
    """The contracts of each symbol that symbology.resolve states, in time order. Empty intervals are left out."""
    result = value.get("result") if isinstance(value, dict) else None
    if not isinstance(result, dict):
        raise _refuse("answer about symbols", value, "an object with a result")
    return {str(symbol): _read_intervals(stated) for symbol, stated in result.items()}


def _read_intervals(stated: object) -> list[MappedContract]:
    if not isinstance(stated, list):
        raise _refuse("list of contracts", stated, "a list")
    found = sorted((_read_interval(one) for one in stated), key=lambda one: one.first)
    return [one for one in found if one.first < one.stop]


def _read_interval(stated: object) -> MappedContract:
    found = stated if isinstance(stated, dict) else {}
    first, stop, symbol = _parse_day(found.get("d0")), _parse_day(found.get("d1")), found.get("s")
    if first is None or stop is None or not (isinstance(symbol, str) and symbol.strip()):
        raise _refuse("contract of a symbol", stated, "a symbol with its first and last date")
    return MappedContract(symbol.strip(), first, stop)


def _refuse(what: str, value: object, wanted: str) -> FeedRefused:
    shown = re.sub(r"[^ -~]", "?", repr(value))[:80]
    return FeedRefused(
        f"The vendor's {what} is {shown}, not {wanted}, so nothing is bought: run the command again later, and check "
        "whether a proxy changes the answers."
    )
