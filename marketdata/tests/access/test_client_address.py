"""The client's address, with and without trusted proxies."""

import pytest
from django.test import RequestFactory
from rest_framework.settings import api_settings
from rest_framework.throttling import AnonRateThrottle

from marketdata.access.client_address import find_client_address

PROXY = "10.0.0.9"
FORGED = "1.1.1.1, 2.2.2.2, 203.0.113.7"


def find(settings, proxies, forwarded=None, remote=PROXY):
    settings.TRUSTED_PROXIES = proxies
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return find_client_address(RequestFactory(REMOTE_ADDR=remote).get("/", headers=headers))


@pytest.mark.parametrize(
    ("proxies", "expected"), [(0, PROXY), (1, "203.0.113.7"), (2, "2.2.2.2"), (3, "1.1.1.1"), (9, "1.1.1.1")]
)
def test_only_the_entries_of_trusted_proxies_count(settings, proxies, expected):
    assert find(settings, proxies, FORGED) == expected


@pytest.mark.parametrize("forwarded", [None, "", " ", ",", "unknown", "203.0.113.7, _hidden", "1.2.3", "<script>"])
def test_without_a_usable_entry_it_is_the_sender(settings, forwarded):
    assert find(settings, 1, forwarded) == PROXY


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("203.0.113.7:5123", "203.0.113.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
    ],
)
def test_one_client_has_one_address(settings, text, expected):
    assert find(settings, 1, text) == find(settings, 0, remote=text) == expected


def test_a_server_on_a_socket_knows_no_address(settings):
    assert find(settings, 0, "203.0.113.7", remote="") == "unknown"


def test_limits_of_requests_use_the_same_number(settings):
    assert api_settings.NUM_PROXIES == settings.TRUSTED_PROXIES == 0
    request = RequestFactory(REMOTE_ADDR=PROXY).get("/", headers={"X-Forwarded-For": FORGED})
    assert AnonRateThrottle().get_ident(request) == PROXY
