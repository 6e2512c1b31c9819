"""What a terminal shows while files are loaded, and what stays on it."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios

import pyte
import pytest
from django.conf import settings

from config.testing.builders import bars, write
from config.testing.processes import database_url, run
from ingestion.cli.console import shorten_name

RULE = "=" * 80
COLUMNS, LINES = 160, 60


def run_on_a_terminal(*arguments: object) -> list[str]:
    """The lines on a terminal of 160 columns when `ingest_dbn` has ended, including those that scrolled off."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "manage.py", "ingest_dbn", *map(str, arguments)],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": database_url(), "TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    screen = pyte.HistoryScreen(COLUMNS, LINES, history=1000)
    stream = pyte.ByteStream(screen)
    while written := _read(ours):
        stream.feed(written)
    os.close(ours)
    process.wait(20)
    above = ["".join(line[column].data for column in range(COLUMNS)) for line in screen.history.top]
    return [line.rstrip() for line in (*above, *screen.display)]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # on Linux, when the other end is closed
        return b""


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_display_overwrites_no_line_of_a_result(market_db, tmp_path, jobs):
    for number in range(4):
        write(tmp_path / f"{number}.dbn.zst", bars(20_000), symbols=(f"S{number}",), mappings={})
    for name in ("1bad.dbn", "2bad.dbn"):
        (tmp_path / name).write_bytes(b"")

    text = "\n".join(run_on_a_terminal("--input", tmp_path, "--jobs", jobs))

    assert text.count("INGESTION COMPLETE") == 4
    assert text.count("No series claims S") == 4  # the last line of each
    assert text.count("❌") == 2
    assert "6 files: 4 loaded, 0 skipped, 2 failed." in text
    assert "━" not in text  # the display is cleared


def test_a_long_name_leaves_room_for_the_bar(monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    assert shorten_name("glbx-mdp3-20240102.ohlcv-1m.dbn.zst") == "glbx-mdp3-20240102.ohlcv-1m.d…"
    assert shorten_name("mnq.dbn") == "mnq.dbn"


def test_verbose_lines_go_to_standard_error(market_db, path):
    ended = run("--input", path, "--verbose", "--json")
    assert json.loads(ended.out)["ok"] is True
    steps = [line.split(" s  ", 1)[1] for line in ended.err.splitlines()]
    assert steps[0] == f"Reading {path} ({path.stat().st_size:,} bytes)"
    assert "Waiting for other writers of these series" in steps
    assert "Storing" in steps


def test_a_terminal_shows_a_progress_bar_and_clears_it(market_db, path):
    ours, theirs = pty.openpty()
    ended = subprocess.run(
        [sys.executable, "manage.py", "ingest_dbn", "--input", str(path)],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": database_url(), "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        timeout=60,
        check=True,
    )
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)

    assert "mnq.dbn.zst" in shown or "Storing" in shown
    assert "━" in shown
    assert shown.rstrip().endswith(("\x1b[2K", "\x1b[?25h"))  # the line is cleared, the cursor is back
    assert ended.stdout.startswith(RULE)
