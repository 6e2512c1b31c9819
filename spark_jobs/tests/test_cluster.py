"""The candles are those of this project, also if one of two executor processes is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from spark_jobs.tests.lakes import read_candles
from spark_jobs.tests.spark import CLUSTER, ENVIRONMENT, make_home, wait

pytestmark = pytest.mark.slow


def test_a_killed_executor_changes_nothing(candle_lake, out, tmp_path):
    """Started by spark-submit, with so many small tasks that it ends in the middle."""
    events, port = tmp_path / "events", find_port()
    events.mkdir()
    home = make_home(
        tmp_path / "spark",
        spark__ui__enabled="true",
        spark__ui__port=str(port),
        spark__eventLog__enabled="true",
        spark__eventLog__dir=f"file:{events}",
        spark__eventLog__compress="false",
        spark__eventLog__rolling__enabled="false",
        spark__sql__adaptive__enabled="false",
        spark__sql__shuffle__partitions="40",
    )
    options = ("--lake", candle_lake.lake.folder, "--to", out)
    process = home.start(ENVIRONMENT / "bin/spark-submit", "--master", CLUSTER, "spark_jobs/candles.py", *options)
    try:
        killed = kill_executor(process, port)
    finally:
        ended = wait(process)
    assert ended.code == 0, ended
    assert read_candles(out) == candle_lake.candles
    check_events(events, killed)


def find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def kill_executor(process: subprocess.Popen, port: int) -> str:
    """Send SIGKILL to an executor of the process that has ended a task and runs another. Returns its number."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        for executor in read_executors(port):
            if executor["id"] != "driver" and executor["completedTasks"] and executor["activeTasks"]:
                os.kill(find_process(process, executor["id"]), signal.SIGKILL)
                return str(executor["id"])
        time.sleep(0.05)
    pytest.fail("the job ended before an executor had ended a task and run another")


def read_executors(port: int) -> list[dict]:
    """What Spark reports of its executors; nothing before it has started."""
    address = f"http://127.0.0.1:{port}/api/v1/applications"
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            [application] = json.load(answer)
        with urllib.request.urlopen(f"{address}/{application['id']}/executors", timeout=5) as answer:
            executors: list[dict] = json.load(answer)
            return executors
    except (OSError, ValueError):
        return []


def find_process(process: subprocess.Popen, executor: str) -> int:
    """The process of the executor, which is a descendant of this process."""
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            command = child.cmdline()
        except psutil.Error:  # it has ended
            continue
        is_executor = any("CoarseGrainedExecutorBackend" in part for part in command) and "--executor-id" in command
        if is_executor and command[command.index("--executor-id") + 1] == executor:
            return child.pid
    pytest.fail(f"executor {executor} has no process")


def check_events(folder: Path, killed: str) -> None:
    """The executor was removed while the job ran, another one replaced it, and tasks ended after that."""
    [file] = folder.iterdir()
    events = [json.loads(line) for line in file.read_text().splitlines()]
    names = [event["Event"] for event in events]
    removed = names.index("SparkListenerExecutorRemoved")
    assert events[removed]["Executor ID"] == killed
    assert "SparkListenerTaskEnd" in names[:removed]
    assert "SparkListenerTaskEnd" in names[removed:]
    lost = [event for event in events if event.get("Task End Reason", {}).get("Reason") == "ExecutorLostFailure"]
    assert lost
