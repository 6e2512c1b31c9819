"""Names and bytes of a file, as error messages show them: a terminal must get no control characters from a file."""

from __future__ import annotations

_TEXT_CONTROLS = b"\t\n\r"


def to_printable(text: str) -> str:
    """`text` with each character that cannot be printed replaced by its escape, such as `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def format_bytes(content: bytes) -> str:
    """ASCII text in quotation marks, anything else in hexadecimal: `"ts_event"`, `1f 8b 08 00`."""
    if all(0x20 <= byte < 0x7F or byte in _TEXT_CONTROLS for byte in content):
        return f'"{to_printable(content.decode("ascii"))}"'
    return content.hex(" ")
