"""Values of settings that are accepted."""

from rest_framework.throttling import SimpleRateThrottle

from config.guards import Env


def test_rest_framework_parses_every_valid_rate():
    env = Env()
    for period in ("s", "sec", "second", "m", "min", "minute", "h", "hour", "d", "day"):
        env.ENVIRON = {"RATE": f"7/{period}"}
        number, seconds = SimpleRateThrottle.parse_rate(None, env.rate("RATE", default="1/s"))
        assert (number, seconds) == (7, {"s": 1, "m": 60, "h": 3600, "d": 86400}[period[0]])
