"""Pages and the admin of runs whose stored texts have control characters, bidirectional marks, HTML, or are long."""

import pytest

from config.testing.web.pages import create_failed_run, create_successful_run, read_page
from marketdata.models import IngestRun

RUNS = "/admin/marketdata/ingestrun/"
TEXTS = {
    "control characters": ("a\x1b[2J\x07\x7f\x85\r.dbn", r"a\x1b[2J\x07\x7f\x85\r.dbn"),
    "bidirectional marks": ("a\u202egnp.nbd\u2066\u200f", r"a\u202egnp.nbd\u2066\u200f"),
    "tags": ("a\U000e0001\ufeff.dbn", r"a\U000e0001\ufeff.dbn"),
    "HTML": ("<script>alert(1)</script>'\"&.dbn", "&lt;script&gt;alert(1)&lt;/script&gt;&#x27;&quot;&amp;.dbn"),
    "length": ("x" * 10_000, "x" * 255),
    "other writing": ("Müller – מסמך.dbn", "Müller – מסמך.dbn"),
}


@pytest.mark.parametrize(("text", "shown"), TEXTS.values(), ids=TEXTS)
def test_every_page_of_the_run_shows_the_text_as_text(page_client, text, shown):
    fields = {
        "file_name": text[:255],
        "file_path": f"/data/{text}",
        "symbols": [text[:128]],
        "requested_symbol": text[:128],
        "requested_by": text[:150],
        "dataset": text[:200],
        "vendor_dataset": text[:32],
    }
    successful = create_successful_run(**fields)
    failed = create_failed_run(error=text, **fields)
    client = page_client
    pages = [address for run in (failed, successful) for address in (f"/runs/{run.pk}/", f"{RUNS}{run.pk}/change/")]
    for address in ("/", RUNS, f"{RUNS}?attention=unresolved", *pages):
        page = read_page(client, address)
        assert shown in page, address
        assert [character for character in page if not (character.isprintable() or character in "\n\t\xa0")] == []
        assert "<script>alert" not in page
    client.post(RUNS, {"action": "try_again", "_selected_action": [successful.pk]})
    assert "only failed runs can be retried" in read_page(client, RUNS)
    assert client.get(f"/api/ingest-runs/{failed.pk}/").json()["error"] == IngestRun.objects.get(pk=failed.pk).error
