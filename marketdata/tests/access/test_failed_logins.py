"""Failed logins make an account wait, from the address where they failed, before a password is hashed."""

import re
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, connections
from django.db.models import F
from django.test import Client

from config.testing.processes import run
from marketdata.access import failed_logins
from marketdata.access.failed_logins import ACCOUNT, ADDRESS, count_attempt
from marketdata.models import FailedLogin

PASSWORD = "a-password-of-this-test"
HERE, ELSEWHERE = "203.0.113.7", "198.51.100.1"
LOGIN = "/admin/login/?next=/"


@pytest.fixture(autouse=True)
def operator(market_db):
    user = get_user_model().objects.create_superuser("operator", "", PASSWORD)
    get_user_model().objects.create_superuser("second", "", PASSWORD)
    yield user
    get_user_model().objects.all().delete()
    FailedLogin.objects.all().delete()


def log_in(password, *, username="operator", address=HERE, **headers):
    client = Client(REMOTE_ADDR=address, headers=headers)
    return client.post(LOGIN, {"username": username, "password": password})


def fail(times, **options):
    return [log_in("wrong", **options).status_code for _ in range(times)]


def pass_time(seconds):
    FailedLogin.objects.update(
        last_at=F("last_at") - timedelta(seconds=seconds), wait_until=F("wait_until") - timedelta(seconds=seconds)
    )


def test_of_150_wrong_passwords_few_are_hashed(monkeypatch):
    hashed = []
    monkeypatch.setattr(get_user_model(), "check_password", lambda user, password: hashed.append(password))
    monkeypatch.setattr(failed_logins, "ACCOUNT", replace(ACCOUNT, first_wait=900))  # none is over before the 150th
    assert fail(150) == [200] * 5 + [429] * 145
    assert len(hashed) == 5


def test_the_refusal_is_one_sentence_and_names_the_wait():
    fail(5)
    refused = log_in(PASSWORD)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
    page = refused.content.decode()
    assert "Too many failed logins from your address: wait 10 seconds, then try again." in page
    assert "Please enter the correct" not in page


def test_the_owner_logs_in_elsewhere_and_others_here():
    fail(60)
    assert log_in(PASSWORD, address=ELSEWHERE).status_code == 302
    assert log_in(PASSWORD, username="second").status_code == 302
    assert log_in(PASSWORD).status_code == 429


def test_an_unknown_account_waits_like_a_known_one():
    assert fail(7, username="nothing") == fail(7)


def test_after_the_wait_the_password_works_and_failures_are_forgotten():
    fail(5)
    pass_time(11)
    assert log_in(PASSWORD).status_code == 302
    assert fail(5) == [200] * 5


def test_waits_get_longer_up_to_a_limit():
    fail(5)
    waits = []
    for _ in range(9):
        waits.append(int(log_in("wrong").headers["Retry-After"]))
        pass_time(waits[-1] + 1)
        assert log_in("wrong").status_code == 200
    assert waits == [10, 20, 40, 80, 160, 320, 640, 900, 900]


def test_old_failures_do_not_count():
    fail(4)
    pass_time(ACCOUNT.forgotten_after + 1)
    assert fail(6) == [200] * 5 + [429]


def test_a_refused_attempt_does_not_make_the_wait_longer():
    fail(5)
    before = FailedLogin.objects.order_by("key").values_list("key", "failures", "wait_until")
    stored = list(before)
    fail(20)
    assert list(before.all()) == stored


def test_one_address_cannot_guess_for_many_accounts():
    codes = [log_in("wrong", username=f"guess {number}").status_code for number in range(ADDRESS.free + 1)]
    assert codes == [200] * ADDRESS.free + [429]
    assert log_in(PASSWORD, address=ELSEWHERE).status_code == 302
    pass_time(2)
    assert log_in(PASSWORD).status_code == 302


def test_attempts_at_the_same_time_are_counted():
    granted = []

    def guess():
        granted.append(count_attempt("operator", HERE).wait == 0)
        connections.close_all()

    threads = [threading.Thread(target=guess) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 5


def test_other_web_processes_count_together():
    fail(5)
    code = f"from marketdata.access.failed_logins import count_attempt; print(count_attempt('operator', '{HERE}').wait)"
    assert 1 <= int(run("-v0", "-c", code, command="shell").out) <= 10


def test_a_forged_header_does_not_help(settings):
    assert [fail(1, **{"X-Forwarded-For": f"192.0.2.{number}"})[0] for number in range(7)] == [200] * 5 + [429] * 2
    settings.TRUSTED_PROXIES = 1
    forged = [
        fail(1, address="10.0.0.9", **{"X-Forwarded-For": f"192.0.2.{number}, 203.0.113.9"})[0] for number in range(7)
    ]
    assert forged == [200] * 5 + [429] * 2
    assert log_in(PASSWORD, address="10.0.0.9", **{"X-Forwarded-For": ELSEWHERE}).status_code == 302


def test_neither_names_nor_addresses_are_stored():
    fail(1, username="my-password-by-mistake")
    rows = list(FailedLogin.objects.values_list("key", flat=True))
    assert len(rows) == 2
    assert all(re.fullmatch("[0-9a-f]{64}", key) for key in rows)


def test_old_rows_are_deleted():
    fail(1)
    pass_time(90_000)
    fail(1, address=ELSEWHERE)
    assert FailedLogin.objects.count() == 2


@pytest.fixture
def read_only(operator):
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        yield
        cursor.execute("RESET default_transaction_read_only")
    failed_logins._MEMORY.__init__()


def test_where_the_database_may_only_be_read_the_process_counts(read_only):
    assert fail(8) == [200] * 5 + [429] * 3
    assert log_in(PASSWORD, address=ELSEWHERE).status_code == 302
    assert fail(3, address=ELSEWHERE) == [200] * 3
    assert log_in(PASSWORD, address=ELSEWHERE).status_code == 302
    assert fail(5, address=ELSEWHERE) == [200] * 5
    assert not FailedLogin.objects.exists()
