"""The form of a series' subscription: what backfill and stream_live request for it."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from ingestion.jobs.requests import may_act
from marketdata.models import Series
from marketdata.pages.decorators import page_view
from marketdata.series import find_series

_FIELDS = ("dataset", "feed_symbol", "feed_stype", "feed_start", "feed_daily", "live")


class SubscriptionForm(forms.ModelForm):
    """The subscription of a series. The rules are those of the model."""

    class Meta:
        model = Series
        fields = _FIELDS
        labels = {
            "feed_symbol": "Vendor's symbol",
            "feed_stype": "Kind of symbol",
            "feed_start": "From (UTC date)",
            "feed_daily": "Daily backfill",
            "live": "Live",
        }
        widgets = {"feed_start": forms.DateInput(attrs={"type": "date"})}


@require_http_methods(["GET", "HEAD", "POST"])
@page_view
def subscription_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Show and change what backfill requests for a series. Changing it spends nothing."""
    series = find_series(slug)
    if series is None:
        raise Http404(f"There is no series {slug}.")
    if not may_act(request.user):
        raise PermissionDenied("Only staff who may change runs can change subscriptions.")
    form = SubscriptionForm(request.POST or None, instance=series)
    if request.method == "POST" and form.is_valid():
        # A run may store other columns while the form is open.
        form.instance.save(update_fields=list(_FIELDS))
        messages.success(request, _describe(form.instance))
        return redirect("downloads")
    return render(request, "pages/subscription.html", {"series": series, "form": form})


def _describe(series: Series) -> str:
    if not series.is_subscribed:
        return f"Backfill requests nothing for {series.slug} now."
    daily = "every day" if series.feed_daily else "when it is asked to"
    live = " stream_live keeps it current." if series.live else ""
    return f"Backfill requests {series.feed_symbol} of {series.dataset} for {series.slug}, {daily}.{live}"
