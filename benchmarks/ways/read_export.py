"""This project: its export, requested from Django by its test client, without a socket.

DATABASE_URL=… python -m benchmarks.ways.read_export csv|parquet|arrow FILE
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness.reading import measure_export
from benchmarks.harness.scratch import set_up_django

if TYPE_CHECKING:
    from django.test import Client

BARS = "/api/market-data/mnq/ohlcv-1m/bars"


def main() -> None:
    client = _log_in()
    _export(client, "parquet", Path("/dev/null"), end="1901-01-01")  # the first request loads modules
    measure_export(lambda file_format, path: _export(client, file_format, path))


def _log_in() -> Client:
    set_up_django()
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client()
    client.force_login(get_user_model().objects.get_or_create(username="reader")[0])
    return client


def _export(client: Client, file_format: str, path: Path, **parameters: str) -> None:
    response = client.get(BARS, {"format": file_format} | parameters)
    if response.status_code != 200:
        raise SystemExit(f"{BARS} returned {response.status_code}: {response.text[:500]}")
    with path.open("wb") as file:
        file.writelines(response)


if __name__ == "__main__":
    main()
