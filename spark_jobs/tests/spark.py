"""Runs jobs as processes in the environment of their own, with a Spark home of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings

ENVIRONMENT = Path(sys.prefix) / "spark"
PYTHON = ENVIRONMENT / "bin/python"
CLUSTER = "local-cluster[2,1,1024]"
_SETTINGS = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    # A short job does not gain from better machine code and from threads that collect garbage.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


def require_spark() -> None:
    """Skip the test where Java 17 or pyspark is missing."""
    if not PYTHON.exists() or not (ENVIRONMENT / "installed").exists():
        pytest.skip("SPARK IS NOT TESTED: pyspark is not installed in .venv/spark (make test-slow installs it)")
    if find_java() < 17:
        pytest.skip(
            "SPARK IS NOT TESTED: Java 17 is not installed. Install openjdk-17-jre-headless, then run it again."
        )


def find_java() -> int:
    """The version of the Java that Spark would start; 0 if there is none."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin/java") if home else "java"
    if not shutil.which(java):
        return 0
    done = subprocess.run([java, "-version"], capture_output=True, text=True, check=True)
    return int((done.stderr + done.stdout).partition('version "')[2].partition(".")[0])


@dataclass(frozen=True)
class Ended:
    """A process that has ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class SparkHome:
    """A folder in which Spark finds its settings, and in which its executors write their logs."""

    folder: Path

    def start(self, *command: str | Path) -> subprocess.Popen[str]:
        """Start a command from the project's folder. Its Java ends with it."""
        variables = os.environ | {
            "SPARK_HOME": str(self.folder),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": PYTHON,
        }
        for name in ("PYTHONPATH", "DJANGO_SETTINGS_MODULE", "COVERAGE_PROCESS_START"):
            variables.pop(name, None)
        return subprocess.Popen(
            command,
            cwd=settings.BASE_DIR,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str | Path) -> Ended:
        """Run Python with these arguments until it ends."""
        return wait(self.start(PYTHON, *arguments))


def wait(process: subprocess.Popen[str]) -> Ended:
    """Wait for the end of the process, which has some minutes."""
    try:
        out, err = process.communicate(timeout=420)
    finally:
        process.kill()
    return Ended(process.returncode, out, err)


def make_home(folder: Path, **changes: str) -> SparkHome:
    """`changes`: Spark's settings, with `__` for `.`."""
    [installed] = (ENVIRONMENT / "lib").glob("python3*/site-packages/pyspark")
    (folder / "conf").mkdir(parents=True)
    for name in ("bin", "jars"):
        (folder / name).symlink_to(installed / name)
    lines = _SETTINGS | {name.replace("__", "."): value for name, value in changes.items()}
    text = "".join(f"{name} {value}\n" for name, value in lines.items())
    (folder / "conf/spark-defaults.conf").write_text(text)
    return SparkHome(folder)
