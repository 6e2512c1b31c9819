"""The pages."""

from django.urls import path

from marketdata.pages.views import home

urlpatterns = [path("", home, name="home")]
