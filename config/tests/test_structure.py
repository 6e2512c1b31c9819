"""Who may import whom."""

import ast
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings


def imported_modules(path: Path) -> Iterator[str]:
    """The names that a module imports anywhere in it, also within functions."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module


def test_marketdata_and_its_tests_do_not_import_ingestion():
    """What is stored can be read without the code that stores it."""
    modules = sorted((settings.BASE_DIR / "marketdata").rglob("*.py"))
    assert len(modules) > 50
    offenders = [
        f"{path.relative_to(settings.BASE_DIR)} imports {name}"
        for path in modules
        for name in imported_modules(path)
        if name.split(".")[0] == "ingestion"
    ]
    assert offenders == []
