from django.db import models
from django.db.models import Q


class SubscriptionColumns(models.Model):
    """What `manage.py backfill` requests for a series: a symbol of the series' dataset, from when, daily or not."""

    class Stype(models.TextChoices):
        CONTINUOUS = "continuous", "continuous, for example MNQ.c.0"
        RAW_SYMBOL = "raw_symbol", "raw symbol, for example MNQZ6"
        PARENT = "parent", "parent, for example MNQ.FUT: every contract, each into its own series"

    feed_symbol = models.CharField(
        max_length=128,
        blank=True,
        default="",
        db_default="",
        help_text="The vendor's symbol that backfill requests, for example MNQ.c.0. Empty: nothing is requested.",
    )
    feed_stype = models.CharField(
        max_length=16,
        blank=True,
        choices=Stype,
        default="",
        db_default="",
        help_text="The kind of the vendor's symbol.",
    )
    feed_start = models.DateField(
        null=True, blank=True, help_text="The first UTC date that backfill requests. Empty: the dataset's first."
    )
    feed_daily = models.BooleanField(
        default=False, db_default=False, help_text="Whether backfill --daily includes the series."
    )

    class Meta:
        abstract = True

    @property
    def is_subscribed(self) -> bool:
        """Whether backfill can request the series."""
        return bool(self.feed_symbol)


def subscription_constraints() -> list[models.CheckConstraint]:
    """The rules of `SubscriptionColumns` in the table of series."""
    return [
        models.CheckConstraint(
            name="series_feed_stype_known", condition=Q(feed_stype__in=["", "continuous", "raw_symbol", "parent"])
        ),
        models.CheckConstraint(
            name="series_feed_complete",
            condition=Q(feed_symbol="", feed_stype="", feed_daily=False)
            | (~Q(feed_symbol="") & ~Q(feed_stype="") & ~Q(dataset="")),
        ),
    ]
