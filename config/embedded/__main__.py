"""`python -m config.embedded stop|status|url HOME`"""

import argparse
import sys
from pathlib import Path
from urllib.parse import quote

from config.embedded import server
from config.embedded.errors import EmbeddedPostgresError
from config.embedded.layout import find_layout
from config.embedded.sockets import find_socket_folder


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m config.embedded", description="The embedded PostgreSQL.")
    parser.add_argument("action", choices=["stop", "status", "url"])
    parser.add_argument("home", type=Path)
    chosen = parser.parse_args()
    try:
        sys.stdout.write(f"{_act(chosen.action, chosen.home)}\n")
    except EmbeddedPostgresError as error:
        sys.exit(str(error))


def _act(action: str, home: Path) -> str:
    if action == "stop":
        return "stopped" if server.stop(home) else "was not running"
    if not server.is_running(home):
        sys.exit("not running")
    folder = quote(str(find_socket_folder(find_layout(home.expanduser().resolve()))), safe="")
    # The folder as a parameter: for psql, and as a DATABASE_URL.
    return f"postgresql://{server.USER}@/{server.DATABASE}?host={folder}" if action == "url" else "running"


if __name__ == "__main__":
    main()
