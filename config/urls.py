"""URLs of the admin, the REST API and the pages."""

from django.contrib import admin
from django.urls import include, path

from config.connections.health import healthz, readyz
from marketdata.access.login import AdminLoginForm, report_wait
from marketdata.metrics.views import MetricsView

admin.autodiscover()
admin.site.site_header = admin.site.site_title = "Barkeep"
admin.site.login_form = AdminLoginForm
admin.site.index_title = "Audit trail, series and bars"

handler500 = "config.connections.unavailable.handle_server_error"

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", MetricsView.as_view(), name="metrics"),
    path("admin/login/", report_wait(admin.site.login)),
    path("admin/", admin.site.urls),
    path("api/", include("marketdata.api.urls")),
    path("quality/", include("marketdata.pages.quality.urls")),
    path("", include("marketdata.pages.urls")),
    path("", include("ingestion.pages.urls")),
]
