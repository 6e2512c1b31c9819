"""The pages that people open."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from marketdata.models import IngestRun, Series
from marketdata.selectors import series_stats


@login_required(login_url="admin:login")
def home(request: HttpRequest) -> HttpResponse:
    """Each series with what the table holds of it, and the last runs."""
    series = [(one, series_stats(one)) for one in Series.objects.all()[:50]]
    return render(request, "home.html", {"series": series, "runs": IngestRun.objects.all()[:20]})
