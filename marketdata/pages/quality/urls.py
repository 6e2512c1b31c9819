"""Addresses of the pages of findings."""

from django.urls import path

from marketdata.pages.quality.views import act, finding_page, quality_page, test_alert

urlpatterns = [
    path("", quality_page, name="quality"),
    path("<int:pk>/", finding_page, name="quality-finding"),
    path("act/", act, name="quality-act"),
    path("test-alert/", test_alert, name="quality-test-alert"),
]
