"""Errors of the API beyond those of REST framework."""

import pytest
from django.db import DataError, InterfaceError, OperationalError

from marketdata.api.errors import handle_error


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")])
def test_a_database_that_does_not_respond_is_unavailable(error, caplog):
    response = handle_error(error, {})
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")
    assert str(error) not in response.data["detail"]
    assert str(error) in caplog.text


def test_other_errors_stay_unhandled():
    assert handle_error(DataError("a fault of the program"), {}) is None
