"""The page of one run, in the browser."""

from __future__ import annotations

import pytest
from django.core.management import CommandError
from playwright.sync_api import expect

from config.testing.builders import ingest, save


def test_the_overview_leads_to_the_next_steps_of_a_failed_run(page, mnq, tmp_path):
    path = save(tmp_path / "<b>bad name.dbn", b"no bars")
    with pytest.raises(CommandError):
        ingest(path)
    page.goto("/")
    failures = page.get_by_role("region", name="Failed, and not loaded since")
    expect(failures).to_contain_text("is not a DBN file")
    failures.get_by_role("link", name="Run 2").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Run 2 failed <b>bad name.dbn")
    next_steps = page.get_by_role("region", name="Next steps")
    expect(next_steps).to_contain_text(f"ingest_dbn --input '{path}' --dry-run")
