"""The server's access log without queries: a client may put a token there."""

from __future__ import annotations

import logging


class QueryFilter(logging.Filter):
    """Removes the query from the path, which is the third argument of uvicorn's access lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and len(record.args) == 5:
            client, method, path, version, status = record.args
            record.args = (client, method, str(path).partition("?")[0], version, status)
        return True


def hide_queries() -> None:
    """Keep queries out of uvicorn's access log."""
    logging.getLogger("uvicorn.access").addFilter(QueryFilter())
