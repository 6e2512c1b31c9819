"""Wrong options, lakes and targets end with one sentence, before Spark starts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from config.testing.builders import bars, ingest, write
from marketdata.candles.periods import TIMEFRAMES
from marketdata.quality.detectors import flat, off_tick, repeated
from marketdata.quality.detectors.thresholds import Thresholds
from marketdata.tests.lake.conftest import Lake
from spark_jobs import candles, monthly, quality
from spark_jobs.candles import TIMEFRAMES as JOB_TIMEFRAMES
from spark_jobs.checks import CHECKS, repeats, values
from spark_jobs.command_line import Job, run

JOBS = [candles.JOB, monthly.JOB, quality.JOB]


@pytest.fixture
def lake(market_db, tmp_path) -> Lake:
    ingest(write(tmp_path / "a.dbn", bars(50)))
    lake = Lake(tmp_path / "lake")
    lake.export()
    return lake


def read_error(job: Job, *options: str | Path, code: int = 1) -> str:
    """The message of a job that fails: one line without a trace."""
    with pytest.raises(SystemExit) as ended:
        run(job, [str(option) for option in options])
    if code == 2:
        assert ended.value.code == 2
        return ""
    message = str(ended.value.code)
    assert message.startswith("Error: ")
    assert "\n" not in message
    return message


def test_all_timeframes_are_there():
    assert JOB_TIMEFRAMES == TIMEFRAMES


def test_the_same_checks_have_the_same_thresholds_as_in_the_database():
    assert (repeats.LENGTH, repeats.MIN_DISTINCT) == (repeated.LENGTH, repeated.MIN_DISTINCT)
    assert repeats.MIN_APART_MS * 10**6 == repeated.MIN_APART
    assert (repeats.REPEATED_BITS, repeats.FLAT_BITS) == (repeated.MIN_SURPRISE, flat.MIN_SURPRISE)
    assert repeats.MIN_SHARE == flat.MIN_SHARE
    assert (Thresholds().repeated, Thresholds().flat) == (repeats.REPEATED_BARS, repeats.FLAT_BARS)
    assert (values.MAX_OFF_SHARE, values.MIN_BARS) == (off_tick.MAX_SHARE, off_tick.MIN_BARS)


def test_no_lake(tmp_path):
    file = tmp_path / "file"
    file.touch()
    out = tmp_path / "out"
    for job in JOBS:
        assert "has no lake (_lake/manifest.json is missing)" in read_error(job, "--lake", tmp_path, "--to", out)
        assert "is missing" in read_error(job, "--lake", tmp_path / "none", "--to", out)
        assert "is a file" in read_error(job, "--lake", file, "--to", out)
        assert "A folder is needed" in read_error(job, "--lake", "", "--to", out)
        assert "cannot be read" in read_error(job, "--lake", "x" * 5000, "--to", out)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"format": 1}', '{"format": 1, "rows": 5, "files": [], "tables": {}}', "\\x00" * 9],
)
def test_a_damaged_manifest(content, lake, tmp_path):
    (lake.folder / "_lake/manifest.json").write_text(content)
    assert "manifest.json is damaged" in read_error(monthly.JOB, "--lake", lake.folder, "--to", tmp_path / "out")


def test_a_manifest_that_is_no_text_and_one_of_a_later_version(lake, tmp_path):
    manifest = lake.folder / "_lake/manifest.json"
    later = json.loads(manifest.read_text()) | {"format": 2}
    manifest.write_text(json.dumps(later))
    assert "has format 2" in read_error(monthly.JOB, "--lake", lake.folder, "--to", tmp_path / "out")
    manifest.write_bytes(b"\xff\xfe{}")
    assert "manifest.json cannot be read" in read_error(monthly.JOB, "--lake", lake.folder, "--to", tmp_path / "out")


@pytest.mark.parametrize("pattern", ["*.parquet", "series-*.pq"])
def test_a_missing_or_cut_file(pattern, lake, tmp_path):
    [file] = lake.folder.rglob(pattern)
    if pattern == "*.parquet":
        file.write_bytes(file.read_bytes()[:-1])
        assert "is missing or damaged" in read_error(candles.JOB, "--lake", lake.folder, "--to", tmp_path / "out")
    file.unlink()
    error = read_error(candles.JOB, "--lake", lake.folder, "--to", tmp_path / "out")
    assert file.name in error
    assert "is missing or damaged" in error


def test_the_target(lake, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for job in JOBS:
        assert "exists already" in read_error(job, "--lake", lake.folder, "--to", out)
        assert "is in the lake" in read_error(job, "--lake", lake.folder, "--to", lake.folder / "out")
        assert "is in the lake" in read_error(job, "--lake", lake.folder, "--to", f"{out}/../lake/x")
    (out / "_temporary").mkdir()
    assert "remains of a job that was killed" in read_error(monthly.JOB, "--lake", lake.folder, "--to", out)
    assert list(out.iterdir()) == [out / "_temporary"]
    file = tmp_path / "a.dbn"
    assert "a.dbn is a file" in read_error(monthly.JOB, "--lake", lake.folder, "--to", file / "out")


def test_symbols_and_times(lake, tmp_path):
    common = ("--lake", lake.folder, "--to", tmp_path / "out")
    error = read_error(monthly.JOB, *common, "--symbols", "CME_MINI:MNQ1!", "NQ")
    assert error == "Error: The lake has no symbol NQ. It has CME_MINI:MNQ1!."
    times = ("--start", "2024-01-02", "--end", "2024-01-02T00:00+00:00")
    assert "--end must be after --start" in read_error(monthly.JOB, *common, *times)


@pytest.mark.parametrize(
    "options, message",
    [
        (["--start", "yesterday"], "write 2024-01-31"),
        (["--timeframe", "2h"], "5m"),
        (["--timeframe"], "expected at least one argument"),
        (["--unknown"], "--unknown"),
        (["--log-level", "loud"], "WARN"),
        (["--master", "foo"], "'foo' is no master"),
        (["--master", "spark://host"], "no master"),
    ],
)
def test_wrong_options(options, message, capsys, tmp_path):
    read_error(candles.JOB, "--lake", tmp_path, "--to", tmp_path / "out", *options, code=2)
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_missing_options(capsys):
    read_error(quality.JOB, code=2)
    assert "--lake, --to" in capsys.readouterr().err


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_help_has_examples(job, capsys):
    with pytest.raises(SystemExit) as ended:
        run(job, ["--help"])
    assert not ended.value.code
    printed = capsys.readouterr().out
    assert f"spark-submit spark_jobs/{job.name}.py --lake" in printed
    assert f"python -m spark_jobs.{job.name} --master" in printed


def test_without_pyspark_and_without_java(lake, tmp_path):
    """pyspark is not installed in the environment of the tests; a package of this name stands in for it."""
    assert "pyspark is not installed" in read_error(monthly.JOB, "--lake", lake.folder, "--to", tmp_path / "out")
    (tmp_path / "packages/pyspark").mkdir(parents=True)
    (tmp_path / "packages/pyspark/__init__.py").touch()
    job = (sys.executable, "-m", "spark_jobs.monthly", "--lake", lake.folder, "--to", tmp_path / "out")
    variables = os.environ | {"PYTHONPATH": str(tmp_path / "packages"), "PATH": str(tmp_path), "JAVA_HOME": ""}
    assert run_job(job, variables).startswith("Error: Java is not installed: install Java 17 or newer")
    java = tmp_path / "java"
    java.write_text(f"#!{shutil.which('sh')}\necho 'openjdk version \"11.0.2\"' >&2\n")
    java.chmod(0o755)
    assert "needs Java 17 or newer, and java is version 11" in run_job(job, variables)
    assert "in JAVA_HOME (/nowhere)" in run_job(job, variables | {"JAVA_HOME": "/nowhere"})


def run_job(job: tuple, variables: dict[str, str]) -> str:
    done = subprocess.run(job, cwd=settings.BASE_DIR, env=variables, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_the_readme_describes_each_check():
    readme = (Path(candles.__file__).parent / "README.md").read_text()
    assert [kind for kind in CHECKS if f"`{kind}`" not in readme] == []
