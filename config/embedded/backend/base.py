"""Django's PostgreSQL engine on the embedded server, which the first connection starts.

Settings name the folder of its files:

    {
        "ENGINE": "config.embedded.backend",
        "NAME": "marketdata",
        "USER": "postgres",
        "OPTIONS": {"home": "<folder>"},
    }

HOST and PORT stay empty: the server listens on a private Unix socket only.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base, client
from django.db.utils import OperationalError
from psycopg2.extensions import connection as Connection

from config.embedded import server
from config.embedded.errors import EmbeddedPostgresError


class DatabaseClient(client.DatabaseClient):
    """`manage.py dbshell`, which also starts the server."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        folder = _ensure_started(settings_dict)
        args, env = super().settings_to_cmd_args_env(
            settings_dict | {"HOST": str(folder), "PORT": server.PORT}, parameters
        )
        return [server.find_psql(), *args[1:]], env


class DatabaseWrapper(base.DatabaseWrapper):
    client_class = DatabaseClient

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        params.pop("home", None)  # libpq refuses unknown options
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection:
        def connect() -> Connection:
            folder = _ensure_started(self.settings_dict)
            connection: Connection = super_connect(conn_params | {"host": str(folder), "port": server.PORT})
            return connection

        super_connect = super().get_new_connection
        return server.connect_with_retry(connect)


def _ensure_started(settings_dict: dict) -> Path:
    home = settings_dict["OPTIONS"].get("home")
    if not home:
        raise ImproperlyConfigured("config.embedded.backend needs OPTIONS['home'], the folder of its files.")
    try:
        return server.ensure_running(Path(home))
    except EmbeddedPostgresError as error:
        raise OperationalError(str(error)) from error
