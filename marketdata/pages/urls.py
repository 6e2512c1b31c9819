"""Addresses of the pages that only read."""

from django.urls import path

from marketdata.pages.views import favicon, home, series_page

urlpatterns = [
    path("", home, name="home"),
    path("series/<slug:slug>/", series_page, name="series-page"),
    path("favicon.ico", favicon),
]
