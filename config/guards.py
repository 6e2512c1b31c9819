"""What settings refuse: configurations that would start and then be wrong."""

import re
import secrets
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

YES, NO = ("on", "true", "yes", "y", "1"), ("off", "false", "no", "n", "0")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class Env(environ.Env):
    """The environment, read so that a misspelt value stops the start with a sentence that says what to write."""

    def said(self, var: str, default: str) -> str:
        """What the variable says; an empty one says nothing, as where a host sets all that it knows of."""
        return self.ENVIRON.get(var, "").strip() or default

    def bool(self, var: str, default: bool) -> bool:
        """On or off. `environ` itself takes all that it does not know for off."""
        unset = "on" if default else "off"
        word = self.said(var, unset)
        if word.lower() not in YES + NO:
            raise ImproperlyConfigured(f"{var} is {word!r}: write on or off, or leave it out, which means {unset}.")
        return word.lower() in YES

    def int(self, var: str, default: int) -> int:
        text = self.said(var, str(default))
        if not (text.isascii() and text.isdigit()):
            raise ImproperlyConfigured(
                f"{var} is {text!r}: write a whole number, or leave it out, which means {default}."
            )
        return int(text)

    def rate(self, var: str, default: str) -> str:
        """How often somebody may ask. The framework would look at each request, and fail at each."""
        text = self.said(var, default)
        if not re.fullmatch(r"[1-9]\d{0,8}/(s|sec|second|m|min|minute|h|hour|d|day)", text, re.ASCII):
            raise ImproperlyConfigured(
                f"{var} is {text!r}: write how often in which time, such as {default} (s, min, hour or day)."
            )
        return text

    def log_level(self, var: str, default: str) -> str:
        text = self.said(var, default)
        if text.upper() not in LEVELS:
            raise ImproperlyConfigured(f"{var} is {text!r}: write one of {', '.join(LEVELS)}.")
        return text.upper()


def is_production(barkeep_env: str) -> bool:
    """True for `production`, False for `development`; a misspelt word must not quietly mean development."""
    if barkeep_env not in ("development", "production"):
        raise ImproperlyConfigured(f"BARKEEP_ENV is {barkeep_env!r}: set it to 'development' or 'production'.")
    return barkeep_env == "production"


def production_faults(debug: bool, secret_key: str, allowed_hosts: list[str], database_url: str) -> list[str]:
    """Every reason why a production server must not start, each as a sentence that says what to set."""
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
            "ALLOWED_HOSTS is not set: set it to the host names that this server answers to, with commas.",
        ),
        (
            "*" in allowed_hosts,
            "ALLOWED_HOSTS is '*', which lets anybody choose the host name in links: name the hosts.",
        ),
        (
            not database_url,
            "DATABASE_URL is not set, and the embedded PostgreSQL is for development only: "
            "set DATABASE_URL to a PostgreSQL 15 or newer.",
        ),
    ]
    return [sentence for fault, sentence in checks if fault]


def stop_on(faults: list[str]) -> None:
    """Raise one error that names all faults, so that they can be mended in one go."""
    if faults:
        raise ImproperlyConfigured("production settings are incomplete (BARKEEP_ENV=production). " + " ".join(faults))


def postgresql_from(url: str) -> dict:
    """Django's settings for the PostgreSQL that a URL names; staging and upserting rely on its COPY."""
    try:
        database = environ.Env.db_url_config(url)
        is_postgresql = database.get("ENGINE") == "django.db.backends.postgresql"
    except ValueError:  # a port that is no number
        is_postgresql = False
    if not is_postgresql:
        raise ImproperlyConfigured(
            "DATABASE_URL does not name a PostgreSQL server: use the form postgresql://USER:PASSWORD@HOST:5432/NAME."
        )
    return database


def development_secret_key(path: Path) -> str:
    """A key of this checkout's own, made once and kept out of git, so that logins outlive a restart."""
    try:
        return path.read_text()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(50))
    try:
        path.hardlink_to(draft)  # fails where another process was first: its key is the one
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text()
