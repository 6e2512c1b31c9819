"""Django's system check of the `.env` file, for `manage.py check` and the commands that run it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

from config.env_file import list_unread_names, parse_env_file


@register(Tags.security)
def check_env_file(**options: Any) -> list[CheckMessage]:
    """A warning that names the variables that no setting reads. Other programs may read them."""
    path = settings.BASE_DIR / ".env"
    names = list_unread_names(parse_env_file(path))
    if not names:
        return []
    verb = "is a name" if len(names) == 1 else "are names"
    message = f"{path} sets {', '.join(names)}, which {verb} that no setting reads: see .env.example for the names."
    return [Warning(message, id="barkeep.W001")]
