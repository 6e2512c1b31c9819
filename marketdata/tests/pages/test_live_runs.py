"""Runs of live sessions on pages."""

import pytest

from marketdata.models import IngestRun
from marketdata.tests.runs.test_folding import add_runs, add_session


@pytest.fixture
def session(db):
    found = add_session(bars=2798)
    add_runs(230, found)
    return found


def test_the_overview_has_one_row_for_a_session(page_client, session):
    text = page_client.get("/").content.decode()
    assert f"live session {session.pk} · 230 runs · 2,798 bars" in text
    assert text.count("a.dbn") == 0


def test_the_runs_of_a_session_are_listed_by_its_address(page_client, session):
    text = page_client.get(f"/?session={session.pk}").content.decode()
    assert f"The runs of live session {session.pk}." in text
    assert text.count("a.dbn") == 15
    assert page_client.get("/?session=99999999").status_code == 200


def test_the_page_of_a_run_links_its_session(page_client, session):
    run = IngestRun.objects.filter(feed_session=session).first()
    assert (
        f'<a href="/?session={session.pk}#runs-title">session {session.pk}</a>'
        in page_client.get(f"/runs/{run.pk}/").content.decode()
    )
