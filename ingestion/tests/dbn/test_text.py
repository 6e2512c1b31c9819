"""Names and bytes from a file become text that a terminal can show."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.testing.builders import FRONT, bars, refuse, write
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


@pytest.mark.parametrize("symbol", ["\x1b[31mA", "A\0B", "A\n", "\x7f"])
@pytest.mark.parametrize("where", ["symbols", "mappings", "not_found", "dataset"])
def test_no_control_character_of_a_file_is_loaded_or_printed(market_db, tmp_path, symbol, where):
    intervals = [(date(2024, 1, 1), date(2024, 2, 1), FRONT)]
    value = {"symbols": (symbol,), "not_found": (symbol,), "dataset": symbol, "mappings": {symbol: intervals}}[where]
    message = refuse(write(tmp_path / "a.dbn", bars(2), **{where: value}))
    assert message.isprintable()
    assert f"{to_printable(symbol)} has characters that cannot be printed; download it again." in message
