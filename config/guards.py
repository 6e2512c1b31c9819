"""Refuses settings with which the server would start and then fail or be insecure."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Sequence
from datetime import time
from decimal import Decimal
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

ON, OFF = ("on", "true", "yes", "y", "1"), ("off", "false", "no", "n", "0")
SERVER_VARIABLES = (
    "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGSERVICE", "PGTARGETSESSIONATTRS", "PGLOADBALANCEHOSTS",
)  # fmt: skip
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class Env(environ.Env):
    """Reads environment variables. An invalid value raises `ImproperlyConfigured`, whose message shows valid ones.

    No value is the name of another variable: `environ` itself would read `$x` as the variable x.
    """

    def value(self, var: str, default: str = "") -> str:
        """The variable's text as it is; the default if it is unset."""
        text: str = self.ENVIRON.get(var, default)
        return text

    def names(self, var: str, default: Sequence[str] = ()) -> list[str]:
        """The texts between commas, without spaces around them; the default if the variable is unset."""
        if var not in self.ENVIRON:
            return [*default]
        return [part.strip() for part in self.ENVIRON[var].split(",") if part.strip()]

    def text(self, var: str, default: str) -> str:
        """The variable's text, or the default if it is unset or empty: some hosts define every variable they know."""
        return self.ENVIRON.get(var, "").strip() or default

    def bool(self, var: str, default: bool) -> bool:
        """On or off. `environ` itself reads an unknown word as off."""
        unset = "on" if default else "off"
        word = self.text(var, unset)
        if word.lower() not in ON + OFF:
            raise ImproperlyConfigured(f"{var} is {word!r}: set it to on or off, or unset it (default: {unset}).")
        return word.lower() in ON

    def int(self, var: str, default: int) -> int:
        """An integer from 0 on."""
        text = self.text(var, str(default))
        if not (text.isascii() and text.isdigit()):
            raise ImproperlyConfigured(f"{var} is {text!r}: set it to an integer, or unset it (default: {default}).")
        return int(text)

    def usd(self, var: str) -> Decimal | None:
        """An amount of US dollars from 0 on; None if the variable is unset or empty."""
        text = self.text(var, "")
        if not text:
            return None
        if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text, re.ASCII):
            raise ImproperlyConfigured(f"{var} is {text!r}: set it to US dollars such as 25 or 2.50, or unset it.")
        return Decimal(text)

    def clock(self, var: str, *, zone: str = "UTC") -> time | None:
        """A time of day, such as 06:00; None if the variable is unset or empty. `zone`: whose, for the message."""
        text = self.text(var, "")
        if not text:
            return None
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text, re.ASCII):
            raise ImproperlyConfigured(
                f"{var} is {text!r}: set it to a time of day ({zone}) such as 06:00, or unset it."
            )
        return time.fromisoformat(text)

    def rate(self, var: str, default: str) -> str:
        """Requests per period, such as 120/min. REST framework would parse it at each request, and fail at each."""
        text = self.text(var, default)
        if not re.fullmatch(r"[1-9]\d{0,8}/(s|sec|second|m|min|minute|h|hour|d|day)", text, re.ASCII):
            raise ImproperlyConfigured(
                f"{var} is {text!r}: set it to a number of requests per s, min, hour or day, such as {default}."
            )
        return text

    def log_level(self, var: str, default: str) -> str:
        """The name of a logging level, in capitals."""
        text = self.text(var, default)
        if text.upper() not in LEVELS:
            raise ImproperlyConfigured(f"{var} is {text!r}: set it to one of {', '.join(LEVELS)}.")
        return text.upper()


def is_production(barkeep_env: str) -> bool:
    """True for `production`, False for `development`. Other values raise `ImproperlyConfigured`: a typo must not mean
    development."""
    if barkeep_env not in ("development", "production"):
        raise ImproperlyConfigured(f"BARKEEP_ENV is {barkeep_env!r}: set it to 'development' or 'production'.")
    return barkeep_env == "production"


def find_production_faults(debug: bool, secret_key: str, allowed_hosts: list[str], database_url: str) -> list[str]:
    """All reasons why a production server must not start, each with the variable to set."""
    checks = [
        (debug, "DEBUG is on, which shows source code and settings to visitors: unset DEBUG."),
        (
            not secret_key,
            "SECRET_KEY is not set: set it to the output of "
            "`python -c 'import secrets; print(secrets.token_urlsafe(50))'`.",
        ),
        (
            bool(secret_key) and len(secret_key) < 50,
            "SECRET_KEY is shorter than 50 characters: set a longer one.",
        ),
        (
            not allowed_hosts,
            "ALLOWED_HOSTS is not set: set it to the host names of this server, separated by commas.",
        ),
        (
            "*" in allowed_hosts,
            "ALLOWED_HOSTS is '*', which lets any client choose the host name in links: set it to the host names.",
        ),
        (
            not database_url,
            "DATABASE_URL is not set, and the embedded PostgreSQL is for development only: "
            "set DATABASE_URL to a PostgreSQL 15 or newer.",
        ),
    ]
    return [message for fault, message in checks if fault]


def refuse_faults(faults: list[str]) -> None:
    """Raise one `ImproperlyConfigured` that names all faults, so that one edit can fix them."""
    if faults:
        raise ImproperlyConfigured("production settings are incomplete (BARKEEP_ENV=production). " + " ".join(faults))


def parse_database_url(url: str) -> dict:
    """Django's settings for a PostgreSQL URL. Other URLs raise `ImproperlyConfigured`, since loading needs COPY."""
    try:
        database: dict = environ.Env.db_url_config(url)
        is_postgresql = database.get("ENGINE") == "django.db.backends.postgresql"
    except ValueError:  # the port is not a number
        is_postgresql = False
    if not is_postgresql:
        raise ImproperlyConfigured(
            "DATABASE_URL does not name a PostgreSQL server: use the form postgresql://USER:PASSWORD@HOST:5432/NAME."
        )
    return database


def ignore_server_variables() -> None:
    """Remove libpq's variables that name another server or database. PGHOSTADDR and PGSERVICE count for libpq even if a
    connection names its host. Variables for credentials and TLS stay."""
    for name in SERVER_VARIABLES:
        os.environ.pop(name, None)


def read_or_create_secret_key(path: Path) -> str:
    """This checkout's secret key, created once and ignored by git, so that logins survive a restart.

    Where it cannot be stored, as in a read-only checkout, the key lives as long as this process.
    """
    try:
        return _read_or_create(path)
    except OSError:
        return secrets.token_urlsafe(50)


def _read_or_create(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(50))
    try:
        path.hardlink_to(draft)  # fails if another process was first; its key applies
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text()
