"""Templates list what presenters decided: they compare nothing, and their conditions are hardly nested."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "templates/pages").glob("*.html"))
TAG = re.compile(r"{%\s*(if|elif|else|endif)\b([^%]*)%}")
MAX_DEPTH = 3
MAX_LINE = 120


def find_decisions(text: str) -> Iterator[str]:
    """Conditions that belong in Python: operators, `elif`, and those nested deeper than `MAX_DEPTH`."""
    depth = 0
    for tag, condition in TAG.findall(text):
        depth += {"if": 1, "endif": -1}.get(tag, 0)
        if tag == "elif" or " " in condition.strip() or depth > MAX_DEPTH:
            yield f"{tag} {condition.strip()}"


@pytest.mark.parametrize(
    "text",
    [
        "{% if a or b %}x{% endif %}",
        "{% if a|length > 2 %}x{% endif %}",
        "{% if not a %}x{% endif %}",
        "{% if a %}x{% elif b %}y{% endif %}",
        "{% if a %}{% if b %}{% if c %}{% if d %}x{% endif %}{% endif %}{% endif %}{% endif %}",
    ],
)
def test_the_guard_finds_decisions(text):
    assert list(find_decisions(text))


def test_the_guard_passes_what_is_there_or_not():
    assert list(find_decisions("{% if a.b %}{% if c %}x{% endif %}{% else %}y{% endif %}{% if d %}z{% endif %}")) == []


@pytest.mark.parametrize("path", TEMPLATES)
def test_templates_hold_no_decisions(path):
    text = (ROOT / path).read_text()
    assert list(find_decisions(text)) == []
    assert [line for line in text.splitlines() if len(line) > MAX_LINE] == []


def test_styles_match_classes_not_labels():
    """A label is a text, which may be renamed or translated."""
    styles = [path.read_text() for path in (ROOT / "marketdata/static/marketdata/css").glob("*.css")]
    selectors = re.findall(r"\[data-label[^\]]*\]", "".join(styles))
    assert set(selectors) == {"[data-label]"}
