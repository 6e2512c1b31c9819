"""Benchmarks import the project's modules inside functions, so that a rename would break them at run time only."""

import ast
import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1]
OWN = ("benchmarks", "config", "ingestion", "marketdata")


@pytest.mark.parametrize("path", sorted(BENCHMARKS.rglob("*.py")), ids=lambda path: str(path.relative_to(BENCHMARKS)))
def test_imported_names_exist(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in OWN:
            module = importlib.import_module(node.module)
            for name in node.names:
                # A package's module may be imported for the first time here.
                if not hasattr(module, name.name):
                    importlib.import_module(f"{node.module}.{name.name}")
