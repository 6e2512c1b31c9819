"""Addresses of the pages that only read, and of the login."""

from django.urls import path

from marketdata.access.login import log_in, log_out
from marketdata.pages.views import favicon, home, home_state, series_page

urlpatterns = [
    path("", home, name="home"),
    path("state/", home_state, name="home-state"),
    path("series/<path:slug>/", series_page, name="series-page"),
    path("login/", log_in, name="login"),
    path("logout/", log_out, name="logout"),
    path("favicon.ico", favicon),
]
