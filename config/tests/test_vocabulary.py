"""Replaced words do not come back: one term per thing, and the terms of PostgreSQL, Django and Databento."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SEARCHED = re.compile(
    r"(\.(py|md|html|js|css|sql|txt|toml|ini|yaml)|(^|/)(\.env\.example|\.ci/run|Makefile|Procfile))$"
)


@dataclass(frozen=True)
class Word:
    """A replaced word, as a regular expression without case, and the term to use. An underscore ends a word, so that
    parts of identifiers count. `paths` limits the search."""

    pattern: str
    instead: str
    paths: str = ""

    def find(self, path: str, line: str) -> str | None:
        found = re.search(rf"(?<![A-Za-z])(?:{self.pattern})(?![A-Za-z])", line, re.IGNORECASE)
        return found[0] if found and re.search(self.paths, path) else None


WORDS = (
    Word(r"ledgers?", "hourly rollup"),
    Word(r"anew", "rebuild, or again"),
    Word(r"spells?", "instrument interval"),
    Word(r"behind", "mapped to (an instrument), or after"),
    Word(r"stretch(es)?", "range, or dates"),
    Word(r"(days|hours|bars) held|held (days|hours|bars)", "dates, or stored bars"),
    Word(r"name_symbols|naming", "symbology, or resolve"),
    Word(r"take_file", "ingest_one"),
    Word(r"told|tells?|says|said", "report, message, or state"),
    Word(r"taken", "loaded (a file), undone (a run), or acquired (a lock)"),
    Word(r"takes? (it|them|this|that|the (run|file|bars?))", "load, ingest, or undo"),
    Word(r"taking (a run|it|them|bars?) back|(take|takes|took|taken|taking)[ _]back", "undo"),
    Word(r"there[ _]again", "restored"),
    Word(r"left alone|leaves? alone|left as (it is|they are)", "skipped (by an undo), or unchanged"),
    Word(r"ma(k|d)e way|removals?", "replaced bars"),
    Word(r"straight", "new (rows that no stored bar matches)"),
    Word(r"dead[ _]runs?|runs? that died|live[ _]runs?", "orphaned run, or run locks"),
    Word(r"corrections?", "override", paths=r"^marketdata/(tests/)?calendars/"),
    Word(r"observers?|stop_?switch", "Progress, or CancellationToken"),
    Word(r"facts", "DbnMetadata, or metadata"),
    Word(r"chunks?", "RecordBatch, or batch"),
    Word(r"in_words|in words|words\.py", "format_…, or formatting"),
    Word(r"one_ahead|one (chunk|batch) ahead", "prefetch"),
    Word(r"whole_minutes", "align_to_minutes"),
    Word(r"hold_run", "lock_run"),
    Word(r"not to be believed", "invalid: machine busy"),
    Word(r"(held|holds?) (\w+ ){0,2}against", "ratio, or compared with"),
    Word(r"farewells?", "shutdown"),
    Word(r"(at_)?most_(?-i:[A-Z])\w+", "MAX_…"),
    Word(r"of the updated", "Already stored: … (… corrected, … unchanged)"),
    Word(r"not taken", "failed"),
    Word(r"pass(es|ed|ing)? over", "skip"),
    Word(r"nobody|somebody|anybody|whoever|no one|someone|anyone", "the passive, or the program or session that acts"),
    Word(r"def \w+(?<!_as)_of\(", "verb + noun"),
)
MODULES = {
    "unknown.py": "not_found.py",
    "advice.py": "next_steps.py",
    "strip.py": "coverage_strip.py",
    "library.py": "exchange.py",
    "corrections.py": "overrides.py",
    "place.py": "layout.py",
    "farewell.py": "shutdown.py",
    "words.py": "formatting.py",
}
# Path, line, reason.
EXCEPTIONS = (
    (r"^config/tests/test_vocabulary\.py$", r"", "this list"),
    (r"^CHANGELOG\.md$", r'^\s+(- )?("|left alone"|- A run is undone)', "quotes the replaced messages"),
    (r"/migrations/(000[1-8]_|_functions_0008)", r"", "released migrations: identifiers stay until the files go"),
    (r"", r"000[1-8]_\w+", "names of those migrations"),
    (r"^marketdata/sql/|/tests/.*migration", r"keeps_hours|ledger", "identifiers that released migrations created"),
    (r"", r"left_count|left_for_runs|first_left", "a column, and JSON keys of undo_run"),
    (r"", r"[\"'`]there_again[\"'`]", "a JSON key of undo_run"),
    (r"^config/(embedded|testing|tests/embedded)/", r"\bnobody\b", "the system account"),
    (r"", r"market_(hours|counts)_make_anew", "functions that released migrations created"),
    (r"^marketdata/management/verify_report\.py$", r"\"ledger\":", "a JSON key of verify_candles"),
    (
        r"^marketdata/(bars/(archived|blocks|tables)|quality/reading|lake/(export/writing|verification/hours))\.py$",
        r"def tell\(|combine_chunks",
        "methods of Python's files and of Arrow",
    ),
    (r"\.css$", r": stretch;", "a value of CSS properties"),
    (r"/vendor/", r"", "other people's code"),
)


def list_tracked_files() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("NOT TESTED: this is not a git checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in listed.stdout.splitlines() if (ROOT / path).is_file()]


def is_excepted(path: str, line: str) -> bool:
    return any(re.search(paths, path) and re.search(lines, line) for paths, lines, _ in EXCEPTIONS)


def find_words(path: str, text: str) -> list[str]:
    """A message for each replaced word in the text: file and line, the word, the term to use."""
    words = [word for word in WORDS if word.find(path, text)]  # few: most lines need not be searched
    return [
        f"{path}:{number}: {found!r}: say {word.instead}"
        for number, line in enumerate(text.splitlines(), start=1)
        for word in words
        if (found := word.find(path, line)) and not is_excepted(path, line)
    ]


def test_a_finding_names_place_word_and_term():
    assert find_words("marketdata/x.py", "a = 1\nself.hourly_ledger = 2\n") == [
        "marketdata/x.py:2: 'ledger': say hourly rollup"
    ]


@pytest.mark.parametrize("line", ["misspelt", "MAX_ROWS = 14", "ResizeObserver", "almost_all", "outstretched"])
def test_other_words_pass(line):
    assert find_words("marketdata/x.py", line) == []


@pytest.mark.parametrize("line", ["MOST_ROWS = 14", "AT_MOST_ROWS = 14", "def spells_of(self):", "Taken: 3"])
def test_replaced_words_are_found(line):
    assert find_words("marketdata/x.py", line)


def test_replaced_words_do_not_come_back():
    searched = [path for path in list_tracked_files() if SEARCHED.search(path)]
    found = [message for path in searched for message in find_words(path, (ROOT / path).read_text())]
    assert not found, f"{len(found)} replaced words:\n" + "\n".join(found)


def test_replaced_module_names_do_not_come_back():
    found = {
        path: MODULES[path.rsplit("/", 1)[-1]] for path in list_tracked_files() if path.rsplit("/", 1)[-1] in MODULES
    }
    assert found == {}, "module names that say what is inside"
