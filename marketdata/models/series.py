from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models

from marketdata.calendars.exchange import UnknownCalendar, is_known_calendar

SYMBOL_MAX_LENGTH = 128  # the longest symbol a DBN file can carry has 70 characters


class Series(models.Model):
    """A named line of bars: what addresses call by `slug`, the table by `symbol`, and the vendor by its own symbols.

    A series holds one instrument at a time. Ingesting a symbol that no series has creates one.
    """

    slug = models.SlugField(max_length=160, unique=True, help_text="Its name in addresses: mnq.")
    symbol = models.CharField(
        max_length=SYMBOL_MAX_LENGTH,
        unique=True,
        db_collation="C",
        help_text="Its name in market_bars_ohlcv_1m: CME_MINI:MNQ1!.",
    )
    name = models.CharField(max_length=200, blank=True, help_text="What people call it.")
    vendor = models.CharField(max_length=32, default="databento")
    dataset = models.CharField(
        max_length=32,
        blank=True,
        help_text="The vendor's dataset that may be filed here: GLBX.MDP3. Empty: any.",
    )
    vendor_symbols = ArrayField(
        models.CharField(max_length=SYMBOL_MAX_LENGTH),
        default=list,
        blank=True,
        help_text=(
            "A file of one of these symbols is filed here. * stands for any characters, ? for one, "
            "[FGH] for one of several: MNQ.c.0, MNQ[HMUZ][0-9]. Separate with commas."
        ),
    )
    calendar = models.CharField(max_length=64, blank=True, help_text="Trading calendar: CME Globex Equity.")
    tick_size = models.DecimalField(max_digits=20, decimal_places=9, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "market_series"
        ordering = ["slug"]
        verbose_name_plural = "series"
        constraints = [
            models.CheckConstraint(name="series_slug_not_empty", condition=~models.Q(slug="")),
            models.CheckConstraint(name="series_symbol_not_empty", condition=~models.Q(symbol="")),
            models.CheckConstraint(
                name="series_tick_size_positive",
                condition=models.Q(tick_size__isnull=True) | models.Q(tick_size__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slug} ({self.symbol})"

    def clean(self) -> None:
        if self.calendar and not is_known_calendar(self.calendar):
            raise ValidationError({"calendar": str(UnknownCalendar(self.calendar))})
