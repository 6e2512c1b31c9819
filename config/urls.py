"""The site's addresses: the admin, the REST API, the pages."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("marketdata.api.urls")),
    path("", include("marketdata.pages.urls")),
]
