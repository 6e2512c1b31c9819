"""The format of log lines."""

import logging

from marketdata.formatting import escape_controls


class PrintableFormatter(logging.Formatter):
    """Escapes control characters: a file name in a log line must not act on the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return escape_controls(super().format(record))
