"""Starts Spark."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from spark_jobs.errors import JobError, explain

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MIN_JAVA = 17
# Values must not depend on the cluster's settings: times are UTC, an overflow is an error and not NULL, and the result
# gets its files only when all tasks have succeeded.
_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "1",
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "true",
}


def require_spark() -> None:
    """Raise `JobError` unless pyspark is installed, and Java, where this process starts it."""
    if find_spec("pyspark") is None:
        raise JobError(
            "pyspark is not installed in this Python: install requirements/spark.txt, or use .venv/spark/bin/python."
        )
    if "PYSPARK_GATEWAY_PORT" not in os.environ:  # spark-submit has started Java already
        _require_java()


def _require_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin/java") if home else "java"
    if not shutil.which(java):
        where = f" in JAVA_HOME ({home})" if home else ""
        raise JobError(f"Java is not installed{where}: install Java {MIN_JAVA} or newer, for example openjdk-17-jre.")
    done = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', done.stderr + done.stdout)
    if found and int(found[1]) < MIN_JAVA:
        raise JobError(f"Spark needs Java {MIN_JAVA} or newer, and {java} is version {found[1]}: set JAVA_HOME.")


@contextlib.contextmanager
def open_spark(name: str, *, master: str | None, log_level: str) -> Iterator[SparkSession]:
    """A session on this master; by default on that of spark-submit, or on all cores of this machine."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(name)
    # The bar of progress fills logs, where standard error is no terminal.
    settings = _SETTINGS | {"spark.ui.showConsoleProgress": str(sys.stderr.isatty()).lower()}
    for setting, value in settings.items():
        builder = builder.config(setting, value)
    try:
        spark = (builder.master(master) if master else builder).getOrCreate()
    except (Py4JError, PySparkException) as error:
        raise JobError(f"Spark cannot start{f' on {master}' if master else ''}. {explain(error)}") from error
    spark.sparkContext.setLogLevel(log_level)
    try:
        yield spark
    finally:
        with contextlib.suppress(Py4JError, OSError):  # Java has ended, or its executors have
            spark.stop()
