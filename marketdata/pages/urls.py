"""Addresses of the pages that only read, and of the login."""

from django.urls import path

from marketdata.access.login import log_in, log_out
from marketdata.pages.live.feeds import feeds_page, live_rows
from marketdata.pages.views import favicon, home, home_state, series_page

urlpatterns = [
    path("", home, name="home"),
    path("state/", home_state, name="home-state"),
    path("live/", live_rows, name="live-rows"),
    path("feeds/", feeds_page, name="feeds"),
    path("series/<path:slug>/", series_page, name="series-page"),
    path("login/", log_in, name="login"),
    path("logout/", log_out, name="logout"),
    path("favicon.ico", favicon),
]
