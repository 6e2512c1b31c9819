from django.contrib.postgres.functions import TransactionNow
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from marketdata.models.mixins import OhlcvColumns


class BarRevision(OhlcvColumns):
    """The values of a bar before a run changed or deleted it."""

    class Operation(models.TextChoices):
        UPDATE = "update"
        DELETE = "delete"

    pk = models.CompositePrimaryKey("symbol", "ts", "revised_by")
    symbol = models.CharField(max_length=128, db_collation="C")
    ts = models.DateTimeField()
    created_at = models.DateTimeField(help_text="When the bar was first stored.")
    # The database function market_runs_must_exist checks both keys, as it does for Bar.ingestion_run.
    ingestion_run = models.ForeignKey(
        "IngestRun",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        help_text="The run that loaded these values.",
    )
    revised_by = models.ForeignKey(
        "IngestRun",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="revisions",
        help_text="The run that replaced them.",
    )
    revised_at = models.DateTimeField(db_default=TransactionNow())
    operation = models.CharField(max_length=8, choices=Operation)

    class Meta:
        db_table = "market_bar_revisions"
        indexes = [
            # "What did this run change?" and the rule that a run with revisions cannot be deleted.
            BrinIndex(name="revision_revised_by_brin", fields=["revised_by"], autosummarize=True),
            BrinIndex(name="revision_run_brin", fields=["ingestion_run"], autosummarize=True),
            # "Which minutes of this range once had a bar that was deleted?": bars as of an earlier time.
            models.Index(name="revision_deleted", fields=["symbol", "ts"], condition=Q(operation="delete")),
        ]
        constraints = [
            models.CheckConstraint(name="revision_operation_known", condition=Q(operation__in=["update", "delete"])),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} {self.ts:%Y-%m-%d %H:%M} before run {self.revised_by_id}"
