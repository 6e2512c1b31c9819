"""Candles, months, findings, errors and the examples of the lake's README, all in one session of two executors."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from marketdata.tests.lake.conftest import Lake
from marketdata.tests.lake.test_readme import SPARK_EXAMPLES
from marketdata.tests.lake.test_readme import read_candles as read_duckdb_candles
from spark_jobs.tests.lakes import FAULTY, group_candles, minute, read_candles, read_result
from spark_jobs.tests.spark import CLUSTER, make_home

pytestmark = pytest.mark.slow
RANGE = ("2023-12-31T20:00", "2024-01-09")
FINDINGS = {
    "missing_minutes": ("2024-02-26T23:00", "2024-02-27T22:00", 1350, 30),
    "outside_session": ("2024-03-02T12:00", "2024-03-02T12:02", 2, 2),
    "off_tick": ("2024-03-04T15:00", "2024-03-04T15:01", 1, 1),
    "flat": ("2024-03-06T15:00", "2024-03-06T15:08", 8, 7),
    "repeated": ("2024-03-12T14:00", "2024-03-12T15:00", 60, 60),
    "high_low_enclose": ("2024-03-13T15:00", "2024-03-13T15:01", 1, 1),
    "duplicate_key": ("2024-03-14T15:00", "2024-03-14T15:01", 1, 1),
}
ZEROS = [("2024-02-29T15:00", "2024-02-29T15:04", 2, 2), ("2024-02-29T16:00", "2024-02-29T16:01", 1, 1)]


def test_all_jobs(candle_lake, quality_lake, tmp_path):
    results = run_steps(list_steps(candle_lake.lake.folder, quality_lake.folder, tmp_path), tmp_path)
    check_candles(tmp_path / "candles", results.pop("candles"), candle_lake.candles)
    assert read_candles(tmp_path / "candles") == read_duckdb_candles(Lake(tmp_path / "plain lake"))
    check_range(tmp_path / "range", results.pop("range"), candle_lake.candles)
    assert results.pop("months") == len(candle_lake.months)
    check_months(tmp_path / "months", candle_lake.months)
    assert results.pop("address") == len([month for month in candle_lake.months if month[0] == "SPY"])
    assert results.pop("findings") == len(FINDINGS) + len(ZEROS) + 1
    check_findings(read_result(tmp_path / "findings"))
    assert results.pop("few findings") == 1
    assert [row["start_ts"] for row in read_result(tmp_path / "few findings")] == [parse("2024-02-29T16:00")]
    check_errors(results, tmp_path)
    assert len(results) == len(SPARK_EXAMPLES) > 0
    assert all("MNQ1" in printed for printed in results.values()), results


def list_steps(folder: Path, other: Path, out: Path) -> dict[str, dict]:
    """The jobs by the name of their result, and the examples."""
    lake = str(folder)
    damaged = make_damaged(folder, out / "damaged lake")
    plain = make_copy(folder, out / "plain lake")
    symbols = ("--symbols", "NONE", "CME_MINI:MNQ1!")
    within = ("--timeframe", "4h", "1w", "--start", RANGE[0], "--end", RANGE[1])
    steps = {
        "candles": ("candles", lake),
        "range": ("candles", lake, "--csv", *symbols, *within),
        "months": ("monthly", lake),
        "findings": ("quality", str(other)),
        "few findings": ("quality", str(other), "--kinds", "volume_zero", "--start", "2024-02-29T15:30"),
        "damaged": ("monthly", damaged),
        "address": ("monthly", f"remote:file:{lake}", "--symbols", "SPY"),
        "no lake": ("monthly", f"remote:file:{out}"),
        "no connector": ("monthly", "remote:s3a://bucket/lake"),
    }
    jobs = {
        name: {"job": job, "arguments": ["--lake", where, "--to", str(out / name), *options]}
        for name, (job, where, *options) in steps.items()
    }
    return jobs | {f"example {n}": {"example": one, "lake": plain} for n, one in enumerate(SPARK_EXAMPLES)}


def run_steps(steps: dict[str, dict], folder: Path) -> dict:
    """The result of each step, in one session of a driver and two executors."""
    (folder / "steps.json").write_text(json.dumps(list(steps.values())))
    # The checks have many stages, and little data: compiling each would not pay.
    home = make_home(folder / "spark", spark__sql__codegen__wholeStage="false")
    ended = home.run("-m", "spark_jobs.tests.steps", CLUSTER, folder / "steps.json")
    assert ended.code == 0, ended
    assert {path.parent.name for path in home.folder.glob("work/app-*/*/stdout")} == {"0", "1"}
    return dict(zip(steps, json.loads(ended.out.splitlines()[-1]), strict=True))


def make_copy(folder: Path, to: Path) -> str:
    """A copy of the lake in a folder whose name is no pattern."""
    for file in folder.rglob("*"):
        if file.is_file():
            copy = to / file.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    return str(to)


def make_damaged(folder: Path, to: Path) -> str:
    """A copy of the lake in which a file has other content of the same length."""
    make_copy(folder, to)
    file = sorted(to.rglob("*.parquet"))[0]
    file.write_bytes(b"\0" * file.stat().st_size)
    return str(to)


def check_candles(folder: Path, count: int, own: dict[tuple[str, str], list[tuple]]) -> None:
    """Every value of every timeframe, exact."""
    found = read_candles(folder)
    assert found == own
    assert count == sum(map(len, own.values()))
    assert (folder / "_SUCCESS").exists()
    rows = read_result(folder)
    assert {type(row[name]) for row in rows for name in ("open", "volume")} == {Decimal}


def check_months(folder: Path, expected: list[tuple]) -> None:
    rows = [tuple(row.values()) for row in read_result(folder)]
    assert sorted(rows) == sorted(expected)
    assert list(read_result(folder)[0]) == ["symbol", "slug", "month", "bars", "volume", "high", "low"]


def check_findings(rows: list[dict]) -> None:
    """Each fault is found, as it is, and nothing else."""
    assert {row["symbol"] for row in rows} == {FAULTY}
    found: dict[str, list] = {}
    for row in rows:
        found.setdefault(row["kind"], []).append((row["start_ts"], row["end_ts"], row["bars"], row["value"]))
    [spike] = found.pop("spike")
    assert spike[:3] == (parse("2024-03-05T15:00"), parse("2024-03-05T15:01"), 1)
    assert spike[3] > 100
    expected = {kind: [one] for kind, one in FINDINGS.items()} | {"volume_zero": ZEROS}
    assert {kind: sorted(many) for kind, many in found.items()} == {
        kind: [(parse(start), parse(end), *numbers) for start, end, *numbers in many] for kind, many in expected.items()
    }


def check_range(folder: Path, count: int, own: dict[tuple[str, str], list[tuple]]) -> None:
    """The candles whose time is in the range, each complete, with plain decimals also where a price is zero."""
    first, stop = map(minute, RANGE)
    rows = [row for path in folder.rglob("*.csv") for row in read_csv(path)]
    expected = {
        (symbol, timeframe): [candle for candle in own[symbol, timeframe] if first <= candle[0] < stop]
        for symbol in ("NONE", "CME_MINI:MNQ1!")
        for timeframe in ("4h", "1w")
    }
    assert group_candles(rows) == expected
    assert count == len(rows) == sum(map(len, expected.values()))


def read_csv(path: Path) -> list[dict]:
    timeframe = path.parent.name.removeprefix("timeframe=")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert not any("E" in row["open"] for row in rows)
    return [
        row
        | {"timeframe": timeframe, "ts_ms": int(row["ts_ms"]), "bar_count": int(row["bar_count"])}
        | {"ts": datetime.fromisoformat(row["ts"]), "session_date": parse(row["session_date"]).date()}
        for row in rows
    ]


def check_errors(results: dict, out: Path) -> None:
    """Each is one sentence, and leaves no result."""
    damaged = results.pop("damaged")
    assert re.fullmatch(r"file:.*/dataset=\S+\.parquet is missing or damaged: .* without --since-last\.", damaged), (
        damaged
    )
    no_lake = results.pop("no lake")
    assert no_lake == f"file:{out} has no lake (_lake/manifest.json is missing): run export_lake first."
    no_connector = results.pop("no connector")
    assert re.fullmatch(r"Spark failed: .*S3AFileSystem not found\. --log-level .*", no_connector), no_connector
    assert [name for name in ("damaged", "no lake", "no connector") if (out / name).exists()] == []


def parse(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
