"""Names and bytes from a file become text that a terminal can show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.testing.builders import bars, refuse, several, write
from ingestion.dbn.text import format_bytes, to_printable


@pytest.mark.parametrize(
    "text, printable",
    [
        ("MNQ.c.0", "MNQ.c.0"),
        ("MNQ:BF  Z4-H5-M5", "MNQ:BF  Z4-H5-M5"),
        ("µ-Ωmega", "µ-Ωmega"),
        ("\x1b[31mRED", r"\x1b[31mRED"),
        ("two\nlines", r"two\nlines"),
        ("\u202e", r"\u202e"),
    ],
)
def test_only_unprintable_characters_are_escaped(text, printable):
    assert to_printable(text) == printable


@given(st.text())
def test_any_text_becomes_printable(text):
    assert to_printable(text).isprintable()


@pytest.mark.parametrize(
    "content, text",
    [
        (b"ts_event", '"ts_event"'),
        (b"a,b\r\n1,2", r'"a,b\r\n1,2"'),
        (b"", '""'),
        (b"\x1f\x8b\x08\x00", "1f 8b 08 00"),
        (b"DBN\x03", "44 42 4e 03"),
        ("é".encode(), "c3 a9"),
    ],
)
def test_bytes_are_shown_as_text_or_in_hexadecimal(content, text):
    assert format_bytes(content) == text


@given(st.binary())
def test_any_bytes_become_printable(content):
    assert format_bytes(content).isprintable()


def test_no_escape_sequence_of_a_file_reaches_the_message(market_db, tmp_path):
    name = "\x1b[31mA"
    unmapped = write(tmp_path / "unmapped.dbn", bars(2), symbols=(name, "B"), mappings=None, stype_in="raw_symbol")
    assert r"lists \x1b[31mA, B but maps no instrument" in refuse(unmapped)

    invalid = bars(2)
    invalid["high"] = 0
    assert r"UTC, \x1b[31mA): high is below" in refuse(
        several(tmp_path / "a.dbn", {name: invalid, "B": bars(1, instrument_id=2)})
    )

    twice = bars(2)[[0, 0]]
    twice["volume"][1] += 1
    path = several(tmp_path / "b.dbn", {name: twice, "B": bars(1, first=5, instrument_id=2)})
    assert r"UTC, \x1b[31mA): the minute occurs twice" in refuse(path)
