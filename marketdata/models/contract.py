from django.db import models
from django.db.models import Q

MAX_ROOT = 32


class ContractColumns(models.Model):
    """The contract of a series: what is traded, and until when.

    The loader fills the columns in from the file's symbols, or from a definition file. The first and last dates of the
    bars are not stored here: they follow from the bars.
    """

    class Kind(models.TextChoices):
        OUTRIGHT = "outright"
        SPREAD = "spread"
        OPTION = "option"
        EQUITY = "equity"
        CONTINUOUS = "continuous"
        OTHER = "other"

    kind = models.CharField(
        max_length=16, choices=Kind, default=Kind.OTHER, db_default=Kind.OTHER, help_text="What is traded."
    )
    root = models.CharField(
        max_length=MAX_ROOT, blank=True, db_default="", db_collation="C", help_text="The product, for example NQ."
    )
    contract_month = models.SmallIntegerField(
        null=True, blank=True, help_text="The month of delivery, 1 to 12; of a spread, that of its first leg."
    )
    contract_year = models.SmallIntegerField(
        null=True, blank=True, help_text="The year of delivery. Empty if it is not settled."
    )
    is_settled = models.BooleanField(
        default=True, db_default=True, help_text="Whether the year is known. If not, a definition file settles it."
    )
    activation_date = models.DateField(null=True, blank=True, help_text="From a definition file.")
    expiration_date = models.DateField(null=True, blank=True, help_text="From a definition file.")
    last_date = models.DateField(
        null=True,
        blank=True,
        help_text="The last date on which the contract can trade. It is active until then. Empty: it does not expire.",
    )

    class Meta:
        abstract = True


def contract_constraints(prefix: str) -> list[models.CheckConstraint]:
    """The rules of `ContractColumns`. Their names start with `prefix`."""
    return [
        models.CheckConstraint(name=f"{prefix}_kind_known", condition=Q(kind__in=ContractColumns.Kind.values)),
        models.CheckConstraint(
            name=f"{prefix}_month_known",
            condition=Q(contract_month__isnull=True) | Q(contract_month__gte=1, contract_month__lte=12),
        ),
        models.CheckConstraint(
            name=f"{prefix}_year_has_month",
            condition=Q(contract_year__isnull=True) | Q(contract_month__isnull=False),
        ),
    ]
