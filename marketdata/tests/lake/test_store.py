"""Targets that are refused, and folders that cannot be written."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import CommandError

from config.testing.builders import bars
from config.testing.processes import Process, backend_in, database_url, until
from config.testing.rows import execute
from config.testing.undo import ingest_records
from marketdata.lake.errors import LakeError
from marketdata.lake.store import open_store


@pytest.mark.parametrize(
    "target, reason",
    [
        ("s3://KEY:t0p@bucket/lake", "must not have credentials"),
        ("s3://", "neither a folder nor"),
        ("S3://bucket/lake?secret=1", "neither a folder nor"),
        ("gs://bucket/lake", "neither a folder nor"),
        ("file:///tmp/lake", "neither a folder nor"),
        ("s3:/bucket/lake", "neither a folder nor"),
        ("s3:bucket/lake", "neither a folder nor"),
        ("s3://bucket:443/lake", "neither a folder nor"),
        ("s3://bucket//lake", "an empty part"),
        ("s3://bucket/a/../lake", "one of dots"),
        ("", "needs a folder"),
        ("a\0b", "needs a folder"),
    ],
)
def test_targets_that_are_refused(target, reason):
    with pytest.raises(LakeError, match=reason) as refused:
        open_store(target)
    assert "t0p" not in str(refused.value)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LakeError, match="is a file: choose a folder"):
        open_store(str(tmp_path / "file"))
    with pytest.raises(LakeError, match="A file is where a folder should be"):
        open_store(str(tmp_path / "file/lake")).replace("a", b"")


def test_the_target_is_needed(lake, settings):
    with pytest.raises(CommandError, match=r"give --to DIR, or set LAKE_DIR") as refused:
        lake.run("export_lake", to=None)
    assert refused.value.returncode == 2
    settings.LAKE_DIR = str(lake.folder)
    lake.run("export_lake", to=None)
    lake.check()


def test_a_folder_that_cannot_be_made(lake, tmp_path):
    for target in ("/proc/lake", tmp_path / ("x" * 300), "~no-such-user/lake"):
        with pytest.raises(CommandError, match=r"cannot be (written|read).*: choose another"):
            lake.run("export_lake", to=str(target))


@pytest.mark.skipif(os.geteuid() == 0, reason="NOT TESTED: root may write everywhere")
def test_a_folder_without_permission(lake):
    lake.folder.mkdir(mode=0o500)
    with pytest.raises(CommandError, match="Permission is denied"):
        lake.export()


def without_coverage() -> dict[str, str]:
    """The environment of a process that is not measured: its data would exceed the limit too."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")}


def test_no_space_changes_nothing(lake, tmp_path):
    """A limit of the size of files stands for a full disk: both fail in the middle of a file."""
    ingest_records(tmp_path, bars(3000))
    lake.export()
    before = lake.list_parquet(), lake.manifest
    execute("UPDATE market_bars_ohlcv_1m SET volume = volume * 7")
    done = subprocess.run(
        [sys.executable, "manage.py", "export_lake", "--to", lake.folder],
        cwd=settings.BASE_DIR,
        env=without_coverage() | {"DATABASE_URL": database_url()},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"CommandError: {lake.folder} cannot be written. A file would be larger than is allowed: raise the limit, "
        "and run the command again.\n"
    )
    assert (lake.list_parquet(), lake.manifest) == before
    assert not list(lake.folder.rglob("*.part"))
    lake.export(since_last=True)
    lake.check()


def test_ctrl_c_leaves_nothing(lake, tmp_path):
    ingest_records(tmp_path, bars(40_000))
    lake.export()
    before = lake.list_parquet(), lake.manifest
    execute("UPDATE market_bars_ohlcv_1m SET volume = volume + 1")
    with Process("--to", lake.folder, command="export_lake") as process:
        until(lambda: backend_in("%market_bars_ohlcv_1m%"))  # it reads the bars
        process.press_ctrl_c()
        ended = process.end()
    assert ended.code in (130, -2)
    assert (lake.list_parquet(), lake.manifest) == before
    lake.export()
    lake.check()


def test_the_lake_of_another_database(lake, tmp_path):
    ingest_records(tmp_path, bars(5))
    lake.export()
    path = lake.folder / "_lake/manifest.json"
    path.write_text(path.read_text().replace(lake.manifest.database, "11111111-1111-1111-1111-111111111111"))
    for command in ("export_lake", "verify_lake"):
        with pytest.raises(CommandError, match="the lake of another database"):
            lake.run(command)


def test_foreign_parquet_files_are_not_touched(lake, tmp_path):
    ingest_records(tmp_path, bars(5))
    (lake.folder / "my").mkdir(parents=True)
    (lake.folder / "my/own.parquet").write_bytes(b"mine")
    (lake.folder / "notes.txt").write_bytes(b"mine")
    with pytest.raises(CommandError, match=r"Parquet files that are not the lake's \(1, first: my/own.parquet\)"):
        lake.export()
    (lake.folder / "my/own.parquet").rename(lake.folder / "my/own.parquet.bak")
    (note,) = lake.export()["notes"]
    assert "has other files (2, first: my/own.parquet.bak): PyArrow and pandas cannot read the folder" in note
    assert lake.export(since_last=True)["notes"] == [note]
    assert (lake.folder / "notes.txt").exists()
    assert lake.list_parquet() == [file.path for file in lake.manifest.files]
