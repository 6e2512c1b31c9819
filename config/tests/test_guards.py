"""Values of settings that are accepted."""

from rest_framework.throttling import SimpleRateThrottle

from config.guards import Env, read_or_create_secret_key


def test_rest_framework_parses_every_valid_rate():
    env = Env()
    for period in ("s", "sec", "second", "m", "min", "minute", "h", "hour", "d", "day"):
        env.ENVIRON = {"RATE": f"7/{period}"}
        number, seconds = SimpleRateThrottle.parse_rate(None, env.rate("RATE", default="1/s"))
        assert (number, seconds) == (7, {"s": 1, "m": 60, "h": 3600, "d": 86400}[period[0]])


def test_a_value_is_never_the_name_of_another_variable():
    env = Env()
    env.ENVIRON = {"KEY": "$q$other", "HOSTS": "$a, b ,,c", "q": "wrong"}
    assert env.value("KEY") == "$q$other"
    assert env.names("HOSTS") == ["$a", "b", "c"]
    assert (env.value("NONE", default="x"), env.names("NONE", default=["x"])) == ("x", ["x"])


def test_a_key_that_cannot_be_stored_lives_as_long_as_the_process(tmp_path):
    (tmp_path / "var").write_text("a file where the folder would be")
    first = read_or_create_secret_key(tmp_path / "var" / "secret_key")
    assert len(first) >= 50
    assert read_or_create_secret_key(tmp_path / "var" / "secret_key") != first
    kept = read_or_create_secret_key(tmp_path / "other" / "secret_key")
    assert read_or_create_secret_key(tmp_path / "other" / "secret_key") == kept
