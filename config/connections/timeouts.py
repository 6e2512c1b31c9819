"""How soon each end of a connection notices that the other end is gone.

`CLIENT` are parameters of libpq, which pgbouncer never sees. `SERVER` are settings of the session: they are set after
connecting, within a transaction, since pgbouncer refuses them at startup and shares sessions between its clients.
"""

from __future__ import annotations

# A connection without traffic is tested after 10 s and is lost 15 s later; unacknowledged data may wait for 30 s.
CLIENT: dict[str, int] = {
    "keepalives": 1,
    "keepalives_idle": 10,  # s
    "keepalives_interval": 5,  # s
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # ms
}

# The same for the server. Without the last one, a running statement keeps its locks after its client was killed. Only
# some platforms support it, and others refuse the setting.
SERVER = """
SELECT
    set_config('tcp_keepalives_idle', '10', true), set_config('tcp_keepalives_interval', '5', true),
    set_config('tcp_keepalives_count', '3', true), set_config('tcp_user_timeout', '30000', true),
    CASE WHEN version() ~ '(linux|darwin|solaris)' THEN set_config('client_connection_check_interval', '2s', true) END
"""
