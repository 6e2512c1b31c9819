"""The comparison of responses with the description."""

import pytest

from marketdata.tests.api.contract import Contract, read_description


@pytest.fixture(scope="module")
def contract(django_db_setup):
    return Contract(read_description())


@pytest.fixture
def check(contract, reader):
    """Request an address, compare the response with the description, and return it."""

    def check(
        address: str,
        parameters: dict | None = None,
        *,
        status: int = 200,
        client=reader,
        body: object = None,
        **headers,
    ):
        """With a `body`, a POST of it as JSON."""
        if body is None:
            response = client.get(address, parameters, headers=headers)
        else:
            kind = headers.pop("content_type", "application/json")
            response = client.post(address, body, content_type=kind, headers=headers)
        assert response.status_code == status, response.content
        contract.check(address, response, "get" if body is None else "post")
        return response

    return check
