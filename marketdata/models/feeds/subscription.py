import re

from django.db import models
from django.db.models import Q


class SubscriptionColumns(models.Model):
    """What is requested of the vendor for a series: a symbol of its dataset, from when, daily and live or not."""

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
    live = models.BooleanField(
        default=False, db_default=False, help_text="Whether stream_live keeps the series current to the minute."
    )

    class Meta:
        abstract = True

    def find_fault(self, dataset: str) -> str:
        """What the subscription of a series of this dataset lacks, as a sentence; empty if it is complete."""
        if not self.feed_symbol:
            given = self.feed_stype or self.feed_daily or self.live
            return "Give the vendor's symbol too, or clear its kind, the daily backfill and live." if given else ""
        if not dataset:
            return "Set the series' dataset too, for example GLBX.MDP3: the symbol is one of a dataset."
        if not self.feed_stype:
            return "Choose the kind of the symbol too."
        return _check_form(self.feed_symbol, self.feed_stype)

    @property
    def is_subscribed(self) -> bool:
        """Whether backfill can request the series."""
        return bool(self.feed_symbol)


_FORMS = {
    SubscriptionColumns.Stype.CONTINUOUS: (r"[^\s.]+\.[cnv]\.[0-9]{1,2}", "MNQ.c.0"),
    SubscriptionColumns.Stype.PARENT: (r"[^\s.]+\.(FUT|OPT|SPOT)", "MNQ.FUT"),
    SubscriptionColumns.Stype.RAW_SYMBOL: (r"\S(.*\S)?", "MNQZ6"),
}


def _check_form(symbol: str, stype: str) -> str:
    """Why the symbol cannot be of this kind; empty if it can. The forms are those of the vendor's symbology:
    https://databento.com/docs/standards-and-conventions/symbology"""
    form, example = _FORMS[SubscriptionColumns.Stype(stype)]
    if not re.fullmatch(form, symbol) or not symbol.isprintable():
        return f"{symbol!r} is not a symbol of this kind, such as {example}."
    return ""


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
        models.CheckConstraint(name="series_live_has_symbol", condition=Q(live=False) | ~Q(feed_symbol="")),
    ]
