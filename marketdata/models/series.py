from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.lookups import Exact

from marketdata.calendars.exchange import UnknownCalendar, is_known_calendar
from marketdata.models.contract import ContractColumns, contract_constraints
from marketdata.models.feeds.subscription import SubscriptionColumns, subscription_constraints
from marketdata.models.fields import PriceField

SYMBOL_MAX_LENGTH = 128  # the longest symbol a DBN file can carry has 70 characters


class Series(ContractColumns, SubscriptionColumns):
    """A named sequence of bars: `slug` is its name in URLs, `symbol` its name in the table of bars.

    A series is mapped to one instrument at a time. Ingesting a symbol that no series has creates a series.
    """

    slug = models.SlugField(max_length=160, unique=True, help_text="The name in URLs, for example mnq.")
    symbol = models.CharField(
        max_length=SYMBOL_MAX_LENGTH,
        unique=True,
        db_collation="C",
        help_text="The name in market_bars_ohlcv_1m, for example CME_MINI:MNQ1!.",
    )
    name = models.CharField(max_length=200, blank=True, help_text="The name for people to read.")
    vendor = models.CharField(max_length=32, default="databento")
    dataset = models.CharField(
        max_length=32,
        blank=True,
        help_text="Only files of this dataset are loaded into the series, for example GLBX.MDP3. Empty: any dataset.",
    )
    vendor_symbols = ArrayField(
        models.CharField(max_length=SYMBOL_MAX_LENGTH),
        default=list,
        blank=True,
        help_text=(
            "A file of one of these symbols is loaded into this series. * matches any characters, ? one character, "
            "[FGH] one of several: MNQ.c.0, MNQ[HMUZ][0-9]. Separate symbols with commas."
        ),
    )
    calendar = models.CharField(
        max_length=64, blank=True, help_text="The trading calendar, for example CME Globex Equity."
    )
    tick_size = PriceField(null=True, blank=True, help_text="Empty: the one that is found from the bars.")
    price_step = PriceField(
        null=True,
        editable=False,
        help_text="The largest step that divides all stored prices. Runs store it. 0 or empty: not known.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    quality_thresholds = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        blank=True,
        help_text='Thresholds of findings that differ from the defaults, by kind: {"spike": 20, "missing": 40}.',
    )

    class Meta:
        db_table = "market_series"
        ordering = ["slug"]
        verbose_name_plural = "series"
        indexes = [
            # "Which contracts of this product are there?" (the list of series, an address such as NQH5)
            models.Index(name="series_root", fields=["root", "contract_year", "contract_month"]),
        ]
        constraints = [
            *contract_constraints("series"),
            *subscription_constraints(),
            models.CheckConstraint(name="series_slug_not_empty", condition=~models.Q(slug="")),
            models.CheckConstraint(name="series_symbol_not_empty", condition=~models.Q(symbol="")),
            models.CheckConstraint(
                name="series_tick_size_positive",
                condition=models.Q(tick_size__isnull=True) | models.Q(tick_size__gt=0),
            ),
            models.CheckConstraint(
                name="series_price_step_not_negative",
                condition=models.Q(price_step__isnull=True) | models.Q(price_step__gte=0),
            ),
            models.CheckConstraint(
                name="series_quality_thresholds_object",
                condition=Exact(
                    models.Func(
                        "quality_thresholds", function="jsonb_typeof", output_field=models.CharField(max_length=10)
                    ),
                    models.Value("object"),
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slug} ({self.symbol})"

    def clean(self) -> None:
        similar = Series.objects.filter(slug__iexact=self.slug).exclude(slug=self.slug).exclude(pk=self.pk)
        if similar.exists() and not Series.objects.filter(pk=self.pk, slug=self.slug).exists():
            raise ValidationError({"slug": "Another series has this slug in another letter case."})
        if reason := self.find_fault(self.dataset):
            raise ValidationError({"feed_symbol": reason})
        if self.calendar and not is_known_calendar(self.calendar):
            raise ValidationError({"calendar": str(UnknownCalendar(self.calendar))})
