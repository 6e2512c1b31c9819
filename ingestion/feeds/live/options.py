"""The settings of the live feed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.conf import settings

from ingestion.feeds.errors import FeedRefused

_PORT = 13000
_HEARTBEAT = range(5, 1801)  # seconds that the gateway accepts
_SECONDS = range(1, 86_401)


@dataclass(frozen=True)
class LiveOptions:
    """Seconds, unless stated.

    `host` and `port`: of the gateway; no host: the vendor's own of each dataset. `heartbeat`: how often the gateway
    sends something; `silence`: how much later its next bytes may come. `connect`: for all steps until a session sends
    records. `no_bars`: how long an open exchange may have neither a bar nor the end of a minute. `close_after`: how
    long after its end a minute without END_OF_INTERVAL is closed. `plan`: how long a session waits for a new plan.
    `longest_pause`: between two sessions. `repeat_after`: how often a new session may request minutes again.
    """

    host: str = ""
    port: int = _PORT
    heartbeat: int = 30
    silence: float = 10
    connect: float = 30
    no_bars: float = 180
    close_after: float = 10
    plan: float = 5
    longest_pause: float = 60
    repeat_after: float = 60

    @classmethod
    def read(cls) -> LiveOptions:
        """As the settings have them. Raises `FeedRefused` for one that cannot be."""
        host, port = _read_gateway(settings.DATABENTO_LIVE_GATEWAY.strip())
        if settings.LIVE_HEARTBEAT_SECONDS not in _HEARTBEAT:
            raise FeedRefused(
                "LIVE_HEARTBEAT_SECONDS is not in the range that the gateway accepts: set it to a number from 5 to "
                "1800."
            )
        seconds = {
            "silence": "LIVE_SILENCE_SECONDS",
            "connect": "LIVE_CONNECT_SECONDS",
            "no_bars": "LIVE_NO_BARS_SECONDS",
            "close_after": "LIVE_CLOSE_AFTER_SECONDS",
            "longest_pause": "LIVE_LONGEST_PAUSE_SECONDS",
            "repeat_after": "LIVE_REPEAT_AFTER_SECONDS",
        }
        for name in seconds.values():
            if getattr(settings, name) not in _SECONDS:
                fault = "short" if getattr(settings, name) < 1 else "long"
                raise FeedRefused(f"{name} is too {fault}: set it to a number of seconds from 1 to 86400.")
        values = {field: getattr(settings, name) for field, name in seconds.items()}
        return cls(host=host, port=port, heartbeat=settings.LIVE_HEARTBEAT_SECONDS, **values)

    def find_host(self, dataset: str) -> str:
        """The gateway of a dataset: `glbx-mdp3.lsg.databento.com` for GLBX.MDP3."""
        return self.host or f"{dataset.lower().replace('.', '-')}.lsg.databento.com"

    def format_gateway(self, dataset: str) -> str:
        """Host and port, as messages and the table name it."""
        host = self.find_host(dataset)
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


def _read_gateway(address: str) -> tuple[str, int]:
    if not address:
        return "", _PORT
    match = re.fullmatch(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?", address)
    port = int(match["port"] or _PORT) if match else 0
    if match is None or not 0 < port < 65536:
        raise FeedRefused(
            "DATABENTO_LIVE_GATEWAY is not an address: set it to host:port, such as 127.0.0.1:13000, or leave it empty "
            "for the vendor's own."
        )
    return match["v6"] or match["host"], port
