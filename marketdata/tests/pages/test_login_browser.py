"""The login page in a browser, by an account that may only read."""

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import expect

from config.testing.web.browser import NARROW, WIDE, open_page


@pytest.fixture
def analyst(market_db):
    user = get_user_model().objects.create_user("analyst", password="a-password-of-this-test")
    yield user
    user.delete()


@pytest.mark.parametrize("viewport", [WIDE, NARROW])
def test_log_in_and_out(browser, site, analyst, mnq, viewport):
    with open_page(browser, site, viewport=viewport) as page:
        page.goto("/series/mnq/")
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        expect(page.get_by_label("Username")).to_be_focused()
        page.get_by_label("Username").fill("analyst")
        page.get_by_label("Password").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Please enter a correct username and password")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.get_by_label("Password").fill("a-password-of-this-test")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="mnq")).to_be_visible()
        assert page.url.endswith("/series/mnq/")
        page.goto("/")
        expect(page.get_by_role("link", name="Admin")).to_have_count(0)
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
