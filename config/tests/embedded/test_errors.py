"""The line of PostgreSQL's output that explains a failure."""

from config.embedded.errors import find_error_line, make_error


def test_the_line_with_the_error_is_found():
    output = "2026-01-01 00:00:00 UTC [7] FATAL:  no room\n... [7] DETAIL:  None at all.\n[7] LOG:  shut down\n"
    assert find_error_line(output) == "FATAL:  no room (None at all)"
    assert find_error_line("initdb: error: could not create x: No space left\ninitdb: removing y\n") == (
        "initdb: error: could not create x: No space left"
    )
    assert find_error_line("") == "no output"
    full = 'FATAL:  could not extend "base/1": No space left on device\nPANIC:  cannot abort transaction 1\n'
    assert str(make_error("It failed", full)) == (
        'It failed: FATAL:  could not extend "base/1": No space left on device; '
        "free some disk space, or set DATABASE_URL to another PostgreSQL 15 or newer."
    )
