"""One state of the lake, as its manifest lists it, and the tables of that state as Spark's views."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from spark_jobs.errors import JobError, explain
from spark_jobs.location import Location

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MANIFEST = "_lake/manifest.json"
FORMAT = 1
_EPOCH, _DAY_MS = date(1970, 1, 1), 86_400_000
_BARS = (
    "symbol STRING, ts_ms BIGINT, open DECIMAL(20,9), high DECIMAL(20,9), low DECIMAL(20,9), close DECIMAL(20,9), "
    "volume DECIMAL(20,0)"
)
_TABLES = {
    "series": "symbol STRING, slug STRING, dataset STRING, calendar STRING, tick_size DECIMAL(20,9)",
    "days": (
        "calendar STRING, utc_day_ms BIGINT, session_date DATE, start_ms BIGINT, end_ms BIGINT, open_ms BIGINT, "
        "day_ms BIGINT, week_date DATE, week_ms BIGINT, open_minutes BIGINT"
    ),
    "sessions": ("calendar STRING, hours STRING, utc_day_ms BIGINT, session_date DATE, start_ms BIGINT, end_ms BIGINT"),
}


@dataclass(frozen=True)
class LakeFile:
    """A file of bars, and the symbols that it has in one UTC year."""

    path: str
    year: int
    bytes: int
    symbols: frozenset[str]


@dataclass(frozen=True)
class Lake:
    """The files of one state. `tables`: the paths of the small tables by name."""

    location: Location
    files: Sequence[LakeFile]
    tables: dict[str, str]

    @property
    def symbols(self) -> list[str]:
        return sorted(frozenset().union(*(file.symbols for file in self.files)))


@dataclass(frozen=True)
class BarRange:
    """Which bars are read: of these symbols (empty: of all), and of [start_ms, end_ms), UTC."""

    symbols: Sequence[str] = ()
    start_ms: int | None = None
    end_ms: int | None = None

    def has(self, file: LakeFile) -> bool:
        """Whether the file may have such bars."""
        if self.symbols and file.symbols.isdisjoint(self.symbols):
            return False
        first = (date(file.year, 1, 1) - _EPOCH).days * _DAY_MS
        stop = ((date(file.year, 12, 31) - _EPOCH).days + 1) * _DAY_MS
        return (self.start_ms is None or stop > self.start_ms) and (self.end_ms is None or first < self.end_ms)


def read_local_lake(location: Location) -> Lake:
    """The lake in a folder, whose files are all there. Raises `JobError`."""
    folder = location.folder
    if folder is None:
        raise ValueError("not a folder")
    if not folder.is_dir():
        raise JobError(f"{location.name} is {'a file' if folder.exists() else 'missing'}: name the folder of a lake.")
    try:
        content = (folder / MANIFEST).read_text()
    except FileNotFoundError:
        raise _no_lake(location) from None
    except (OSError, UnicodeDecodeError) as error:
        raise JobError(f"{location.name}/{MANIFEST} cannot be read ({error}).") from error
    lake = parse_manifest(content, location)
    paths = [(file.path, file.bytes) for file in lake.files] + [(path, None) for path in lake.tables.values()]
    for path, size in paths:
        file = folder / path
        if not file.is_file() or (size is not None and file.stat().st_size != size):
            raise JobError(
                f"{location.name}/{path} is missing or damaged: if an export is replacing it, run the job again; "
                "otherwise run export_lake without --since-last."
            )
    return lake


def read_remote_lake(spark: SparkSession, location: Location) -> Lake:
    """The lake at an address, by Spark's connector. Raises `JobError` if there is none."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        rows = spark.read.text(location.join(MANIFEST), wholetext=True).take(1)
    except (Py4JError, PySparkException) as error:
        raise _no_lake(location) if "PATH_NOT_FOUND" in str(error) else JobError(explain(error)) from error
    return parse_manifest(rows[0][0] if rows else "", location)


def _no_lake(location: Location) -> JobError:
    return JobError(f"{location.name} has no lake ({MANIFEST} is missing): run export_lake first.")


def parse_manifest(content: str, location: Location) -> Lake:
    """The lake that this text describes. Raises `JobError` for another format, and for a damaged text."""
    name = f"{location.name}/{MANIFEST}"
    try:
        found: dict[str, Any] = json.loads(content)
        if found["format"] != FORMAT:
            raise JobError(f"{name} has format {found['format']}, and this version reads {FORMAT}: update it.")
        files = [
            LakeFile(str(one["path"]), int(one["year"]), int(one["bytes"]), frozenset(one["symbols"]))
            for one in found["files"]
        ]
        tables = {table: str(one["path"]) for table, one in found["tables"].items()}
        for file in files:
            date(file.year, 1, 1)
        if sum(int(one["rows"]) for one in found["files"]) != found["rows"] or not {"series", "days"} <= tables.keys():
            raise ValueError("rows or tables")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise JobError(
            f"{name} is damaged: restore it, or remove the lake's files and export all of it again."
        ) from error
    return Lake(location, files, tables)


def require_symbols(lake: Lake, symbols: Sequence[str]) -> None:
    """Raise `JobError` for a symbol that the lake does not have."""
    known = lake.symbols
    for symbol in symbols:
        if symbol not in known:
            some = ", ".join(known[:5]) + (f", and {len(known) - 5:,} more" if len(known) > 5 else "")
            raise JobError(f"The lake has no symbol {symbol}. It has {some or 'no bars'}.")


def create_views(spark: SparkSession, lake: Lake, within: BarRange, *, tables: Sequence[str]) -> None:
    """The views `bars` and these small tables. The small ones are sent to every executor whole."""
    from pyspark.sql.functions import broadcast

    files = [lake.location.join(file.path) for file in lake.files if within.has(file)]
    bars = _read(spark, _BARS, files)
    if within.symbols:
        bars = bars.where(bars.symbol.isin(*within.symbols))
    if within.start_ms is not None:
        bars = bars.where(bars.ts_ms >= within.start_ms)
    if within.end_ms is not None:
        bars = bars.where(bars.ts_ms < within.end_ms)
    bars.createOrReplaceTempView("bars")
    for name in tables:
        if name not in lake.tables:
            raise JobError(f"The lake in {lake.location.name} has no {name}: run export_lake on it with this version.")
        table = _read(spark, _TABLES[name], [lake.location.join(lake.tables[name])])
        broadcast(table).createOrReplaceTempView(name)


def _read(spark: SparkSession, schema: str, files: Sequence[str]) -> DataFrame:
    if files:
        return spark.read.schema(schema).parquet(*files)
    columns = [column.split(" ") for column in schema.split(", ")]
    return spark.range(0).selectExpr(*(f"CAST(NULL AS {kind}) AS {name}" for name, kind in columns))
