"""The modules that a page's script imports, for the browser to request at once instead of one import after another."""

from __future__ import annotations

import functools
import re
from pathlib import Path

_STATIC = Path(__file__).resolve().parent.parent / "static"
_IMPORT = re.compile(r'(?:\bfrom|^import)\s*"(\.{1,2}/[^"]+\.js)"', re.MULTILINE)


@functools.cache
def list_imported_modules(name: str) -> tuple[str, ...]:
    """The names below static/ of all modules that this one imports, directly or not, sorted; not its own."""
    found: set[Path] = set()
    waiting = [_STATIC / name]
    while waiting:
        module = waiting.pop()
        imported = {(module.parent / path).resolve() for path in _IMPORT.findall(module.read_text())}
        waiting += imported - found
        found |= imported
    return tuple(sorted(str(module.relative_to(_STATIC)) for module in found - {_STATIC / name}))
