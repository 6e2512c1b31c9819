"""What the jobs' commands share: options, the order of the steps, and messages."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from spark_jobs.errors import JobError, explain
from spark_jobs.lake import BarRange, Lake, create_views, read_local_lake, read_remote_lake, require_symbols
from spark_jobs.location import Location, discard, parse_location, require_new
from spark_jobs.session import open_spark, require_spark

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MASTER = re.compile(
    r"local(\[(\*|[1-9]\d*)(, *[1-9]\d*)?\])?|local-cluster\[\d+, *\d+, *\d+\]|spark://[^\s/]+:\d+|yarn|k8s://\S+"
)
_LEVELS = ("OFF", "FATAL", "ERROR", "WARN", "INFO")


@dataclass(frozen=True)
class Job:
    """A job: `compute` returns the rows of its result. `reach`: how far beyond --start and --end it reads bars."""

    name: str
    about: str
    noun: str  # of its rows, in the last message
    tables: Sequence[str]
    compute: Callable[[SparkSession, argparse.Namespace], DataFrame]
    folders: Sequence[str] = ()  # columns by which the result is divided into folders
    order: Sequence[str] = ("symbol",)
    reach: timedelta = timedelta(0)
    add_options: Callable[[argparse.ArgumentParser], None] = lambda parser: None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}. --help lists the options.\n")


def run(job: Job, arguments: Sequence[str] | None = None) -> None:
    """Run the job as a command. Exits with a sentence and 1 if it fails, and with 2 for wrong options."""
    options = make_parser(job).parse_args(arguments)
    try:
        print(_run(job, options))
    except JobError as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        print("Interrupted: there is no result.", file=sys.stderr)
        sys.exit(130)


def _run(job: Job, options: argparse.Namespace) -> str:
    started = time.monotonic()
    location, to = parse_location(options.lake), parse_location(options.to)
    if options.start_ms is not None and options.end_ms is not None and options.start_ms >= options.end_ms:
        raise JobError("--end must be after --start.")
    lake = read_local_lake(location) if location.folder else None
    if lake:
        require_symbols(lake, options.symbols)
    require_new(to, location)
    require_spark()
    with open_spark(f"barkeep {job.name}", master=options.master, log_level=options.log_level) as spark:
        rows = run_in_session(job, options, spark, to, lake or read_remote_lake(spark, location))
    return f"{rows:,} {job.noun} in {to.name} ({time.monotonic() - started:.1f} s)."


def run_in_session(job: Job, options: argparse.Namespace, spark: SparkSession, to: Location, lake: Lake) -> int:
    """How many rows the job has written. Raises `JobError`; there is no result then."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    require_symbols(lake, options.symbols)
    is_written = False
    try:
        create_views(spark, lake, _find_range(job, options), tables=job.tables)
        _write(job, job.compute(spark, options), to, as_csv=options.csv)
        is_written = True
        return _count(spark, to, as_csv=options.csv)
    except (Py4JError, PySparkException) as error:
        if "PATH_ALREADY_EXISTS" in str(error):
            is_written = True  # by another job
            raise JobError(f"{to.name} exists already: remove it, or choose another folder.") from error
        raise JobError(explain(error)) from error
    finally:
        if not is_written:
            discard(to)


def _find_range(job: Job, options: argparse.Namespace) -> BarRange:
    reach = job.reach // timedelta(milliseconds=1)
    start = None if options.start_ms is None else options.start_ms - reach
    end = None if options.end_ms is None else options.end_ms + reach
    return BarRange(options.symbols, start, end)


def _write(job: Job, frame: DataFrame, to: Location, *, as_csv: bool) -> None:
    if as_csv:  # as text, a price of zero would be 0E-9
        exact = {name: f"CAST({name} AS STRING)" for name, kind in frame.dtypes if kind.startswith("decimal")}
        frame = frame.selectExpr(*(f"{exact.get(name, name)} AS {name}" for name in frame.columns))
    files = frame.repartition(*job.folders, "symbol") if job.folders else frame.repartition(1)
    writer = files.sortWithinPartitions(*job.folders, *job.order).write.mode("errorifexists")
    if job.folders:
        writer = writer.partitionBy(*job.folders)
    if as_csv:
        writer.option("header", True).option("timestampFormat", "yyyy-MM-dd'T'HH:mm:ssXXX").csv(to.uri)
    else:
        writer.option("compression", "zstd").parquet(to.uri)


def _count(spark: SparkSession, to: Location, *, as_csv: bool) -> int:
    if not as_csv:
        reader = spark.read.schema("symbol STRING").option("recursiveFileLookup", True)
        return int(reader.parquet(to.join("")).count())
    return int(spark.read.option("recursiveFileLookup", True).option("header", True).csv(to.join("")).count())


def make_parser(job: Job) -> argparse.ArgumentParser:
    """The options of the job's command."""
    about, _, rest = job.about.partition("\n\n")
    parser = _Parser(
        prog=job.name, description=about, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--lake", required=True, metavar="DIR", help="the lake: a folder that all executors see, or s3a://bucket/lake")
    add("--to", required=True, metavar="OUT", help="the folder of the result, which must not exist")
    add("--symbols", nargs="+", default=[], metavar="SYMBOL", help="only these, for example CME_MINI:MNQ1!")
    add("--start", dest="start_ms", type=_parse_time, metavar="TIME", help="from this date or time on, UTC")
    add("--end", dest="end_ms", type=_parse_time, metavar="TIME", help="before this date or time, UTC")
    add("--csv", action="store_true", help="write CSV instead of Parquet")
    add(
        "--master",
        type=_parse_master,
        help="local[*] (the default without spark-submit), local-cluster[2,1,1024], spark://host:7077, …",
    )
    add("--log-level", choices=_LEVELS, default="OFF", help="which messages of Spark are shown (default: OFF)")
    job.add_options(parser)
    return parser


def _parse_master(text: str) -> str:
    """Spark itself would report a wrong one by a trace of Java."""
    if not _MASTER.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no master: write local[*], spark://host:7077, yarn or k8s://…")
    return text


def _parse_time(text: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 date or time, UTC unless it has an offset."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return -((_EPOCH - moment) // timedelta(milliseconds=1))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no date or time: write 2024-01-31 or 2024-01-31T14:30") from None


def format_range(column: str, options: Any) -> str:
    """The SQL condition that a time in milliseconds is in [--start, --end)."""
    conditions = [f"{column} >= {options.start_ms}"] if options.start_ms is not None else []
    conditions += [f"{column} < {options.end_ms}"] if options.end_ms is not None else []
    return " AND ".join(conditions) or "true"
