"""The pages."""

from django.urls import path

from marketdata.pages.views import favicon, home, run_page, series_page

urlpatterns = [
    path("", home, name="home"),
    path("series/<slug:slug>/", series_page, name="series-page"),
    path("runs/<int:pk>/", run_page, name="run-page"),
    path("favicon.ico", favicon),
]
