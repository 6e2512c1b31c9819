"""The modules that the series page preloads are those that its script imports."""

from pathlib import Path

from django.contrib.staticfiles import finders

from marketdata.pages.scripts import list_imported_modules
from marketdata.pages.views import SERIES_SCRIPT


def test_all_modules_of_the_page_are_listed_once():
    listed = list_imported_modules(SERIES_SCRIPT)
    folder = Path(finders.find("marketdata/js"))
    others = {f"marketdata/js/{path.relative_to(folder)}" for path in folder.rglob("*.js")}
    others -= {SERIES_SCRIPT, "marketdata/js/shared/started.js"}
    of_other_pages = ("/run/", "/feeds/", "/overview/", "/quality/page.js", "/shared/parts.js")
    others = {name for name in others if not any(part in name for part in of_other_pages)}
    assert set(listed) == others
    assert len(listed) == len(set(listed)) > 20


def test_the_page_preloads_them(page_client, mnq):
    content = page_client.get("/series/mnq/").content.decode()
    assert content.count('rel="modulepreload"') == len(list_imported_modules(SERIES_SCRIPT))
