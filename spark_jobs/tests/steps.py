"""Runs several jobs and examples in one session, since a start of Spark is slow.

    .venv/spark/bin/python -m spark_jobs.tests.steps MASTER STEPS

STEPS is a JSON file: a list of {"job", "arguments"} and {"example", "lake"}. Prints a list of what each step gave:
the number of rows, or the message of the error; of an example what it printed. A lake that begins with `remote:` is
read as one at an address.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path

from spark_jobs import candles, monthly, quality
from spark_jobs.command_line import make_parser, run_in_session
from spark_jobs.errors import JobError
from spark_jobs.lake import Lake, read_local_lake, read_remote_lake
from spark_jobs.location import Location, parse_location
from spark_jobs.session import open_spark

JOBS = {job.name: job for job in (candles.JOB, monthly.JOB, quality.JOB)}


def main() -> None:
    with open_spark("steps", master=sys.argv[1], log_level="OFF") as spark:
        results = [run_step(spark, step) for step in json.loads(Path(sys.argv[2]).read_text())]
    print(json.dumps(results))


def run_step(spark, step: dict) -> int | str:
    if "example" in step:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(step["example"], {"lake": step["lake"]})
        return printed.getvalue()
    job = JOBS[step["job"]]
    options = make_parser(job).parse_args(step["arguments"])
    try:
        lake = find_lake(spark, options.lake)
        return run_in_session(job, options, spark, parse_location(options.to), lake)
    except JobError as error:
        return str(error)


def find_lake(spark, text: str) -> Lake:
    if not text.startswith("remote:"):
        return read_local_lake(parse_location(text))
    address = text.removeprefix("remote:")
    return read_remote_lake(spark, Location(address, address, None))


if __name__ == "__main__":
    main()
