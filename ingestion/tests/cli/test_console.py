"""What a terminal shows while files are taken, and what is left on it."""

import fcntl
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
from config.testing.processes import database_url

COLUMNS, LINES = 160, 60


def screen_behind(*arguments: object) -> list[str]:
    """The lines on a terminal of 160 columns when `ingest_dbn` has ended, with those that were scrolled away."""
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
    except OSError:  # as Linux says that the other end is closed
        return b""


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_display_takes_no_line_of_a_result_away(market_db, tmp_path, jobs):
    for number in range(4):
        write(tmp_path / f"{number}.dbn.zst", bars(20_000), symbols=(f"S{number}",), mappings={})
    for name in ("1bad.dbn", "2bad.dbn"):
        (tmp_path / name).write_bytes(b"")

    text = "\n".join(screen_behind("--input", tmp_path, "--jobs", jobs))

    assert text.count("INGESTION COMPLETE") == 4
    assert text.count("No series claims S") == 4  # the last line of each
    assert text.count("❌") == 2
    assert "6 files: 4 loaded, 0 skipped, 2 failed." in text
    assert "━" not in text  # nothing is left of the display


def test_a_long_name_leaves_room_for_the_bar(monkeypatch):
    from ingestion.cli import console

    monkeypatch.setenv("COLUMNS", "90")
    assert console.shorten_name("glbx-mdp3-20240102.ohlcv-1m.dbn.zst") == "glbx-mdp3-20240102.ohlcv-1m.d…"
    assert console.shorten_name("mnq.dbn") == "mnq.dbn"
