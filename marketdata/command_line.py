"""How the project's commands are typed on the machine that this process runs on."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from django.conf import settings

VENV = ".venv"


@functools.cache
def manage() -> str:
    """`.venv/bin/python manage.py` where that is the Python of this process, which the README's setup makes; else
    `python manage.py`: what somebody activated, or a host provides, is called so."""
    own = (settings.BASE_DIR / VENV).resolve()
    return f"{VENV}/bin/python manage.py" if Path(sys.prefix).resolve() == own else "python manage.py"
