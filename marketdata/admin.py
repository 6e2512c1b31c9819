"""The admin of series and bars. The runs are in ingestion/admin.py, since an action there tries a run again."""

from __future__ import annotations

from typing import cast

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property

from marketdata.access.admin import ApiTokenAdmin  # noqa: F401  # registers itself
from marketdata.access.read_only_admin import ReadOnlyAdmin
from marketdata.bars.stats import get_stats
from marketdata.bars.tick_size import MIN_BARS, TickSize, find_from_bars
from marketdata.formatting import format_price
from marketdata.models import ArchivedYear, BrowsableBar, FeedSession, Series
from marketdata.models.contract import ContractColumns
from marketdata.models.feeds.subscription import SubscriptionColumns
from marketdata.quality.admin import FindingAdmin  # noqa: F401  # registers itself
from marketdata.quality.detectors.thresholds import find_fault
from marketdata.series import is_active
from marketdata.series_calendars import describe_calendar
from marketdata.sources.errors import ArchivedBarsUnreadable
from marketdata.timestamps import parse_timestamp

MAX_BARS = 10_000
SERIES_FIELDS = (
    "slug",
    "symbol",
    "name",
    "vendor",
    "dataset",
    "vendor_symbols",
    "calendar",
    "calendar_reason",
    "tick_size",
    "found_tick_size",
    "quality_thresholds",
)
FEED_FIELDS = tuple(field.name for field in SubscriptionColumns._meta.fields)
FOUND_FIELDS = ("calendar_reason", "found_tick_size")
CONTRACT_FIELDS = tuple(field.name for field in ContractColumns._meta.fields)


class SeriesForm(ModelForm):
    """Refuses thresholds that no check could use."""

    def clean_quality_thresholds(self) -> object:
        thresholds = self.cleaned_data["quality_thresholds"]
        if fault := find_fault(thresholds or {}):
            raise ValidationError(fault)
        return thresholds or {}


@admin.register(Series)
class SeriesAdmin(admin.ModelAdmin):
    list_display = [
        "slug",
        "symbol",
        "kind",
        "root",
        "contract",
        "active",
        "name",
        "dataset",
        "calendar",
        "feed_daily",
        "live",
    ]
    list_filter = ["kind", "is_settled", "feed_daily", "live"]
    search_fields = ["slug", "symbol", "name", "root"]
    form = SeriesForm

    fieldsets = [
        (None, {"fields": SERIES_FIELDS}),
        (
            "Backfill and live",
            {
                "fields": FEED_FIELDS,
                "description": "What backfill requests from the vendor, within the caps, and whether stream_live "
                "keeps the series current.",
            },
        ),
        ("Contract", {"fields": CONTRACT_FIELDS, "description": "The loader fills these in."}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Series | None = None) -> tuple[str, ...]:
        # Bars are stored under the symbol: a series with another symbol would lose them.
        return (*CONTRACT_FIELDS, *FOUND_FIELDS, "symbol") if obj else (*CONTRACT_FIELDS, *FOUND_FIELDS)

    def save_model(self, request: HttpRequest, obj: Series, form: ModelForm, change: bool) -> None:
        # A run may store other columns while the form is open.
        obj.save(update_fields=form.changed_data if change else None)

    @admin.display(description="contract", ordering=F("contract_year") * 12 + F("contract_month"))
    def contract(self, series: Series) -> str:
        """2025-03; only the month if the year is not settled."""
        if series.contract_month is None:
            return ""
        return f"{series.contract_year or '?'}-{series.contract_month:02}"

    @admin.display(description="why this calendar")
    def calendar_reason(self, series: Series) -> str:
        """Why the series has its calendar, and which one its product has."""
        return describe_calendar(series) if series.pk else "Shown once the series is stored."

    @admin.display(description="tick size found from the bars")
    def found_tick_size(self, series: Series) -> str:
        """That of the bars, whether or not another one is set."""
        try:
            found = find_from_bars(series, get_stats(series).row_count) if series.pk else TickSize()
        except ArchivedBarsUnreadable as error:
            return str(error)
        return format_price(found.size) if found.size else f"Unknown: it needs {MIN_BARS:,} bars, not all with price 0."

    @admin.display(description="active", boolean=True)
    def active(self, series: Series) -> bool | None:
        return is_active(series, timezone.now().date())


class SeriesChoice(admin.SimpleListFilter):
    """A filter by one series. Subclasses define `queryset`."""

    title = "series"
    parameter_name = "series"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return list(Series.objects.values_list("symbol", "slug"))

    @property
    def symbol(self) -> str:
        """The selected symbol, or an empty text. PostgreSQL refuses a NUL, which an address can contain."""
        return (self.value() or "").replace("\0", "")


class SeriesFilter(SeriesChoice):
    """The bars of one series; no bars if none is selected."""

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(symbol=self.symbol) if self.symbol else queryset.none()


class FirstBarsPaginator(Paginator):
    """Pages of the first `MAX_BARS` bars. Counting all bars of a long series would delay every page."""

    @cached_property
    def count(self) -> int:
        bars = cast("QuerySet[BrowsableBar]", self.object_list)
        return bars[:MAX_BARS].count()


@admin.register(FeedSession)
class FeedSessionAdmin(ReadOnlyAdmin):
    """The sessions of stream_live with the vendor's gateways."""

    list_display = ["id", "dataset", "started_at", "ended_at", "end", "closed_until", "bars", "repeated", "late"]
    list_filter = ["dataset", "end"]
    search_fields = ["gateway_session", "error"]


@admin.register(ArchivedYear)
class ArchivedYearAdmin(ReadOnlyAdmin):
    """The years whose bars are in a lake. Only archive_year and restore_year change them."""

    list_display = ["year", "bar_count", "lake", "lake_as_of", "archived_at", "dropped_at"]


@admin.register(BrowsableBar)
class BarAdmin(ReadOnlyAdmin):
    """The bars of one series: the newest first, or those of a time range in order of time."""

    list_display = ["symbol", "utc", "open_", "high_", "low_", "close_", "volume", "ingestion_run_id"]
    list_display_links = None
    list_filter = [SeriesFilter]
    list_per_page = 200
    paginator = FirstBarsPaginator
    ordering = ["-ts"]
    search_fields = ["ts"]
    search_help_text = (
        "Choose a series on the right. A UTC date or time here (2024-01-02, 2024-01-02T14:30) lists the bars from that "
        f"time on, two of them (2024-01-02..2024-01-03) those of a range. At most {MAX_BARS:,} bars are listed."
    )
    sortable_by = ()

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> None:
        """A bar has no page of its own: `BrowsableBar` has the symbol as its key, which is not unique."""

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        if not search_term:
            return queryset, False
        start, _, end = search_term.partition("..")
        bounds = {"ts__gte": parse_timestamp(start)} | ({"ts__lt": parse_timestamp(end)} if end else {})
        found = queryset.none() if None in bounds.values() else queryset.filter(**bounds).order_by("ts")
        return found, False

    @admin.display(description="time (UTC)")
    def utc(self, bar: BrowsableBar) -> str:
        return f"{bar.ts:%Y-%m-%d %H:%M}"

    @admin.display(description="open")
    def open_(self, bar: BrowsableBar) -> str:
        return format_price(bar.open)

    @admin.display(description="high")
    def high_(self, bar: BrowsableBar) -> str:
        return format_price(bar.high)

    @admin.display(description="low")
    def low_(self, bar: BrowsableBar) -> str:
        return format_price(bar.low)

    @admin.display(description="close")
    def close_(self, bar: BrowsableBar) -> str:
        return format_price(bar.close)
