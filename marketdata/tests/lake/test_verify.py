"""Any damage of the lake is found and named."""

from __future__ import annotations

import hashlib
import json

import pyarrow
import pytest
from django.core.management import CommandError
from pyarrow import parquet

from config.testing.builders import bars
from config.testing.processes import Process, session
from config.testing.rows import execute
from config.testing.undo import change_volume, ingest_records
from marketdata.advisory_locks import LAKE_EXPORT
from marketdata.lake.verification.verify import verify_lake
from marketdata.tests.lake.conftest import Lake


@pytest.fixture
def filled(lake, tmp_path) -> Lake:
    ingest_records(tmp_path, bars(200))
    lake.export()
    return lake


def find_damages(lake: Lake) -> list[str]:
    damages = verify_lake(lake.store).damages
    if damages:
        with pytest.raises(CommandError, match=r"is not right \(\d+ findings?\): run export_lake") as refused:
            lake.run("verify_lake")
        assert refused.value.returncode == 1
    return damages


def rewrite(lake: Lake, change) -> None:
    """Change the table of the only file, and the manifest as if it had been exported so."""
    [path] = [lake.folder / name for name in lake.list_parquet()]
    parquet.write_table(change(parquet.ParquetFile(path).read()), path)
    manifest_path = lake.folder / "_lake/manifest.json"
    manifest = json.loads(manifest_path.read_text())
    manifest["files"][0] |= {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    manifest_path.write_text(json.dumps(manifest))


def test_a_right_lake(filled):
    assert find_damages(filled) == []
    with Process(filled.folder, command="verify_lake") as process:
        ended = process.end()
    assert (ended.code, ended.err) == (0, "")
    assert "is right: 1 file with 200 bars, 4 hours compared." in ended.out


def test_a_missing_file(filled):
    path = filled.list_parquet()[0]
    (filled.folder / path).unlink()
    assert find_damages(filled) == [f"{path} is missing."]


def test_a_changed_byte(filled):
    path = filled.list_parquet()[0]
    content = bytearray((filled.folder / path).read_bytes())
    content[-20] ^= 1
    (filled.folder / path).write_bytes(content)
    assert find_damages(filled) == [f"{path} is damaged: its SHA-256 is not that of the manifest."]


def test_a_foreign_file(filled):
    (filled.folder / "dataset=X").mkdir()
    (filled.folder / "dataset=X/a.parquet").write_bytes(b"")
    assert find_damages(filled) == ["dataset=X/a.parquet is not in the manifest: remove it."]


def test_a_missing_table_of_days(filled):
    path = filled.manifest.tables["days"].path
    (filled.folder / path).unlink()
    assert find_damages(filled) == [f"{path} is missing."]


def drop_row(table: pyarrow.Table) -> pyarrow.Table:
    return pyarrow.concat_tables([table.slice(0, 70), table.slice(71)])


def repeat_row(table: pyarrow.Table) -> pyarrow.Table:
    return pyarrow.concat_tables([table.slice(0, 71), table.slice(70)])


def swap_rows(table: pyarrow.Table) -> pyarrow.Table:
    return pyarrow.concat_tables([table.slice(100), table.slice(0, 100)])


def change_close(table: pyarrow.Table) -> pyarrow.Table:
    close = table["close"].to_pylist()
    close[59] -= 1
    values = pyarrow.array(close, table["close"].type)
    return table.set_column(table.schema.get_field_index("close"), table.field("close"), values)


@pytest.mark.parametrize("change", [drop_row, repeat_row, swap_rows, change_close])
def test_other_rows(filled, change):
    rewrite(filled, change)
    damages = find_damages(filled)
    assert damages
    assert "2024-01-02 0" in damages[0]


def test_bars_that_were_written_without_a_run(filled):
    execute("DELETE FROM market_bars_ohlcv_1m WHERE ts = '2024-01-02 01:30+00'")
    damages = find_damages(filled)
    assert damages[0] == (
        "CME_MINI:MNQ1! has 200 bars of 2024 in the lake (dataset GLBX.MDP3), and 199 in the database."
    )
    assert "CME_MINI:MNQ1!, 2024-01-02 01:00 UTC: volume" in damages[-1]


def test_changes_since_the_export_are_no_damage(filled, tmp_path):
    ingest_records(tmp_path, change_volume(bars(200), 3))
    assert find_damages(filled) == []
    assert "Changed since the export, and not compared: 1 symbol's year." in filled.run("verify_lake")


def test_an_interrupted_swap(filled):
    (filled.folder / "_lake/journal.json").write_text("{")
    assert find_damages(filled) == [
        "An export was interrupted while it replaced files: run export_lake again, which completes it."
    ]
    with pytest.raises(CommandError, match=r"journal.json is damaged: delete it"):
        filled.export()


def change_manifest(lake: Lake, change) -> None:
    path = lake.folder / "_lake/manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.update(as_of="2024-05-05T00:00:00+00:00"),
        lambda manifest: manifest.update(runs="1-5"),
        lambda manifest: manifest["tables"].pop("days"),
        lambda manifest: manifest["tables"]["days"].update(rows=1),
        lambda manifest: manifest["files"][0]["symbols"]["CME_MINI:MNQ1!"].update(hours_hash="1"),
    ],
)
def test_a_manifest_that_was_changed(filled, change):
    change_manifest(filled, lambda manifest: None)
    assert find_damages(filled) == []  # other spaces change nothing
    change_manifest(filled, change)
    assert find_damages(filled) == ["_lake/manifest.json is damaged: its content is not what the export wrote."]
    assert "The manifest was changed" in filled.export(since_last=True)["notes"][0]
    assert find_damages(filled) == []


def test_a_manifest_of_an_earlier_version_has_no_checksum(filled):
    change_manifest(filled, lambda manifest: manifest.pop("checksum"))
    assert find_damages(filled) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.update(runs="all"),
        lambda manifest: manifest.update(runs=5),
        lambda manifest: manifest.update(runs="5-1"),
        lambda manifest: manifest["files"][0].update(symbols={}),
        lambda manifest: manifest["files"][0]["symbols"].update(other={"rows": 1, "hours_hash": "1"}),
        lambda manifest: manifest["files"][0].update(path="../x.parquet"),
        lambda manifest: manifest["files"][0].update(path=5),
        lambda manifest: manifest["tables"]["days"].update(path="_lake/../../days.pq"),
    ],
)
def test_a_manifest_that_no_export_writes(filled, change):
    (filled.folder.parent / "x.parquet").touch()
    change_manifest(filled, change)
    for command in ("verify_lake", "export_lake"):
        with pytest.raises(CommandError, match=r"manifest.json is damaged"):
            filled.run(command)
    assert (filled.folder.parent / "x.parquet").exists()


def test_an_export_that_runs_meanwhile_is_no_damage(filled):
    """It may have deleted a file, or written its journal."""
    (filled.folder / filled.list_parquet()[0]).unlink()
    with session() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", LAKE_EXPORT)
        with pytest.raises(CommandError, match=r"An export is changing .*: verify it again later."):
            filled.run("verify_lake")
    assert "is missing" in find_damages(filled)[0]


@pytest.mark.parametrize("content", ["", "{}", '{"format": 1}', "[]", "\xff"])
def test_a_damaged_manifest(filled, content):
    (filled.folder / "_lake/manifest.json").write_bytes(content.encode("latin-1"))
    for command in ("verify_lake", "export_lake"):
        with pytest.raises(CommandError, match=r"manifest.json is damaged"):
            filled.run(command)


def test_no_lake(lake):
    with pytest.raises(CommandError, match=r"has no lake \(_lake/manifest.json is missing\): run export_lake first."):
        lake.run("verify_lake")


def test_verify_after_an_export(filled):
    assert filled.export(verify=True)["damages"] == []
    assert "is right" in filled.run("export_lake", verify=True, since_last=True)
