"""Settings of alerts that cannot work stop the start, with a sentence that shows no secret."""

import logging
from datetime import time

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.notify import SEVERITIES, check_notify, read_notify_urls, read_quiet_hours
from marketdata.quality.detectors import thresholds

SECRET = "a-secret-of-sixteen-letters"
GOOD = {"webhook_url": "https://example.com/a", "webhook_secret": SECRET, "min_severity": "error", "zone": "UTC"}
GOOD |= {"site_url": "https://barkeep.example.com"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"min_severity": "loud"}, "NOTIFY_MIN_SEVERITY is 'loud': set it to one of info, warning"),
        ({"zone": "Chicago"}, "NOTIFY_TIME_ZONE is 'Chicago'"),
        ({"zone": "../etc"}, "NOTIFY_TIME_ZONE"),
        ({"webhook_url": "example.com"}, "NOTIFY_WEBHOOK_URL is no address"),
        ({"webhook_url": "https://example.com:no/"}, "NOTIFY_WEBHOOK_URL is no address"),
        ({"webhook_secret": "short"}, "NOTIFY_WEBHOOK_SECRET has fewer than 16 characters"),
        ({"webhook_url": ""}, "NOTIFY_WEBHOOK_SECRET is set without NOTIFY_WEBHOOK_URL"),
        ({"site_url": "barkeep"}, "SITE_URL is no address"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, reason):
    check_notify(**GOOD)
    with pytest.raises(ImproperlyConfigured, match=reason) as refusal:
        check_notify(**GOOD | changes)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("text", ["22-07", "22:00", "22:00-24:00", "7:00-8:00", "07:00-07:00", "nights"])
def test_wrong_quiet_hours_are_refused(text):
    with pytest.raises(ImproperlyConfigured, match="NOTIFY_QUIET_HOURS is"):
        read_quiet_hours(text)


def test_quiet_hours_are_two_times():
    assert read_quiet_hours("22:00-07:00") == (time(22), time(7))
    assert read_quiet_hours("") is None


def test_the_severities_are_those_of_findings():
    assert SEVERITIES == thresholds.SEVERITIES


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("", []),
        (" json://a/b\n slack://A/B/C ", ["json://a/b", "slack://A/B/C"]),
        ("json://a,json://b , json://c", ["json://a", "json://b", "json://c"]),
        ("mailto://u:p@host?to=x@a.org,y@b.org", ["mailto://u:p@host?to=x@a.org,y@b.org"]),
        ("json://a json://b json://a", ["json://a", "json://b"]),  # a channel has one name, so it is one
    ],
)
def test_addresses_are_separated_by_spaces_or_commas(text, urls):
    assert read_notify_urls(text) == urls


@pytest.mark.parametrize("text", ["secret", "json://a secret", "://secret", "json:secret"])
def test_what_is_no_address_is_refused_without_being_shown(text):
    with pytest.raises(ImproperlyConfigured, match="NOTIFY_URLS has no address at place") as refusal:
        read_notify_urls(text)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("name", ["apprise", "urllib3.connectionpool"])
def test_libraries_that_log_addresses_are_silent(name):
    assert not logging.getLogger(name).isEnabledFor(logging.ERROR)
