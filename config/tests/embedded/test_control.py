"""Creating the data and starting the server."""

import re

import pytest

from config.embedded import server
from config.embedded.errors import EmbeddedPostgresError
from config.testing.database.embedded import Client


def test_leftovers_of_a_killed_initdb_do_no_harm(new_home):
    (new_home / "data.new-killed").mkdir(parents=True)
    (new_home / "data.new-killed" / "PG_VERSION").write_text("18\n")
    with Client(new_home) as client:
        assert client.ask()
    assert not (new_home / "data.new-killed").exists()


def _break_configuration(data):
    with (data / "postgresql.conf").open("a") as file:
        file.write("nonsense = 1\n")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_break_configuration, "FATAL: .*postgresql.conf.* contains errors; set DATABASE_URL"),
        (
            lambda data: (data / "PG_VERSION").write_text("17\n"),
            "version 17.*dump the data with the older version",
        ),
    ],
)
def test_a_failed_start_is_one_sentence(home, damage, message):
    damage(home / "data")
    with pytest.raises(EmbeddedPostgresError) as caught:
        server.ensure_running(home)
    assert re.search(message, str(caught.value)), caught.value
    assert "\n" not in str(caught.value)
