"""Addresses of the pages of runs."""

from django.urls import path

from ingestion.pages.views import run_page

urlpatterns = [path("runs/<int:pk>/", run_page, name="run-page")]
