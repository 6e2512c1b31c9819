"""Mutation testing: changes one place of the loader at a time, and lists the changes that no test detects.

    make mutants                                    # all of validation, symbology and loading: some hours
    make mutants MUTANTS='ingestion.validation.*'   # those of one folder, module or function
    make mutants MUTANTS='*1 *6'                    # a sample: those whose number ends in 1 or 6

Works on a copy of the tracked files in var/mutants, with a database of its own. Results stay there: the next run tests
what has none yet. Functions that are called at import always survive, since a mutant is chosen after it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "var" / "mutants"
COPIED = ("config", "ingestion", "marketdata", "templates")
MUTATED = ("validation", "symbology", "loading")


def join_lines(values: list[str]) -> str:
    return "".join(f"\n    {value}" for value in values)


SETTINGS = f"""[mutmut]
source_paths = {join_lines(["config", "ingestion", "marketdata"])}
only_mutate = {join_lines([f"ingestion/{name}/*.py" for name in MUTATED])}
also_copy = {join_lines(["conftest.py", "manage.py", "pytest.ini", "templates"])}
pytest_add_cli_args = {join_lines(["--reuse-db", "-p", "no:cacheprovider"])}
pytest_add_cli_args_test_selection = {join_lines([f"ingestion/tests/{name}" for name in MUTATED])}
use_git_change_detection = false
track_dependencies = false
"""


def copy_files() -> None:
    """Copy the tracked files as they are in the work tree, and remove those that are gone."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in COPIED:
        shutil.rmtree(FOLDER / name, ignore_errors=True)
    for path in filter(None, listed.split("\0")):
        if path.startswith((*COPIED, "conftest.py", "manage.py", "pytest.ini")) and (ROOT / path).is_file():
            (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, FOLDER / path)
    (FOLDER / "setup.cfg").write_text(SETTINGS)


def run_mutmut(*arguments: str) -> None:
    environment = os.environ | {"EMBEDDED_PG_HOME": str(FOLDER / "postgres"), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-m", "mutmut", *arguments], cwd=FOLDER, env=environment, check=True)


if __name__ == "__main__":
    copy_files()
    # One process at a time, since all use the same test database.
    run_mutmut("run", "--max-children", "1", *sys.argv[1:])
    run_mutmut("results")
    print(f"To see a change: cd {FOLDER.relative_to(ROOT)}; {sys.executable} -m mutmut show NAME")  # noqa: T201
