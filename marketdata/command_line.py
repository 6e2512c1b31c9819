"""How the project's commands are typed on this machine."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from django.conf import settings

VENV = ".venv"


@functools.cache
def manage() -> str:
    """Return `.venv/bin/python manage.py` if this process runs that Python, as in the README's setup. Else return
    `python manage.py`, the name in an activated environment and on a host."""
    own = (settings.BASE_DIR / VENV).resolve()
    return f"{VENV}/bin/python manage.py" if Path(sys.prefix).resolve() == own else "python manage.py"


def format_option(name: str, value: object) -> list[str]:
    """The words that give an option a value. A value with a leading dash is joined with `=`, because argparse would
    read it as an option."""
    text = str(value)
    return [f"{name}={text}"] if text.startswith("-") else [name, text]
