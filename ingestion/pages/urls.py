"""Addresses of the pages of runs and jobs, and of what users do there."""

from django.urls import path

from ingestion.pages.actions import cancel, cancel_requested, dismiss, retry
from ingestion.pages.downloads.subscription import subscription_page
from ingestion.pages.downloads.views import daily, downloads_page, fill, price
from ingestion.pages.jobs import job_page, job_state
from ingestion.pages.undo import undo
from ingestion.pages.views import run_page, run_state

urlpatterns = [
    path("downloads/", downloads_page, name="downloads"),
    path("downloads/price/", price, name="downloads-price"),
    path("downloads/fill/", fill, name="downloads-fill"),
    path("downloads/series/<str:slug>/", subscription_page, name="subscription"),
    path("downloads/daily/", daily, name="downloads-daily"),
    path("runs/<int:pk>/", run_page, name="run-page"),
    path("runs/<int:pk>/state/", run_state, name="run-state"),
    path("runs/<int:pk>/retry/", retry, name="run-retry"),
    path("runs/<int:pk>/undo/", undo, name="run-undo"),
    path("runs/<int:pk>/cancel/", cancel, name="run-cancel"),
    path("runs/<int:pk>/dismiss/", dismiss, name="run-dismiss"),
    path("jobs/<uuid:pk>/", job_page, name="job-page"),
    path("jobs/<uuid:pk>/state/", job_state, name="job-state"),
    path("jobs/<uuid:pk>/cancel/", cancel_requested, name="job-cancel"),
]
