from django.db import models
from django.db.models import F, Q

MAX_USER = 150
MAX_NOTE = 2000


class QualityFinding(models.Model):
    """A fault of the stored bars, or of what brings them, found by a check.

    A row is one fault for good: later checks change its range, its value and its state, and reopen it if the fault
    returns. `QualityEvent` has its history. Severity is how much it matters: `critical` most.
    """

    class Kind(models.TextChoices):
        MISSING = "missing"
        SILENCE = "silence"
        SPIKE = "spike"
        SCALE = "scale"
        JUMP = "jump"
        OFF_TICK = "off_tick", "off tick"
        FLAT = "flat"
        REPEATED = "repeated"
        WRONG_CONTRACT = "wrong_contract", "wrong contract"
        VOLUME_ZERO = "volume_zero", "volume zero"
        VOLUME_OUTLIER = "volume_outlier", "volume outlier"
        OUTSIDE_SESSION = "outside_session", "outside session"
        VENDOR_CONDITION = "vendor_condition", "vendor condition"
        CROSS_CHECK = "cross_check", "cross-check"
        REVISION_STORM = "revision_storm", "revision storm"
        RUN_FAILED = "run_failed", "run failed"
        FEED_OUTAGE = "feed_outage", "feed outage"
        BUDGET = "budget"

    class Severity(models.TextChoices):
        INFO = "info"
        WARNING = "warning"
        ERROR = "error"
        CRITICAL = "critical"

    class State(models.TextChoices):
        OPEN = "open"
        ACKNOWLEDGED = "acknowledged"
        RESOLVED = "resolved"

    class How(models.TextChoices):
        HAND = "hand", "by hand"
        ITSELF = "itself", "by itself"

    # Without an index of its own: quality_series_range begins with it.
    series = models.ForeignKey(
        "Series",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_index=False,
        related_name="findings",
        help_text="Empty for what concerns no series: a failed run, a feed, the budget.",
    )
    kind = models.CharField(max_length=20, choices=Kind)
    severity = models.CharField(max_length=10, choices=Severity)
    identity = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="What a finding is about that has no bars, for example run 7. Empty: its range is.",
    )
    start = models.DateTimeField(help_text="UTC.")
    end = models.DateTimeField(help_text="Not included.")
    value = models.FloatField(help_text="What was measured, in the unit of the kind's threshold.")
    threshold = models.FloatField(help_text="From which value on there is a finding.")
    text = models.TextField(help_text="The fault as a sentence.")
    evidence = models.JSONField(default=list, help_text="The bars that show it: a list of objects, prices as text.")
    group = models.CharField(
        max_length=200, blank=True, default="", help_text="Findings of one cause, for example one halt, have the same."
    )
    # A migration declares no foreign key, as for bars.
    run = models.ForeignKey(
        "IngestRun",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="findings",
        help_text="The run that brought it. Empty if none did.",
    )
    is_baseline = models.BooleanField(
        default=False, db_default=False, help_text="Whether it was found in history that was loaded for the first time."
    )
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField(help_text="The last check that found it.")

    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    acknowledged_by = models.CharField(max_length=MAX_USER, blank=True, default="", db_default="")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(
        max_length=MAX_NOTE, blank=True, default="", db_default="", help_text="Why it was acknowledged."
    )
    until = models.DateTimeField(
        null=True, blank=True, help_text="When an acknowledged finding is open again. Empty: never by itself."
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_how = models.CharField(max_length=8, choices=How, blank=True, default="", db_default="")
    resolved_by = models.CharField(max_length=MAX_USER, blank=True, default="", db_default="")
    resolution = models.CharField(
        max_length=MAX_NOTE, blank=True, default="", db_default="", help_text="Why it is resolved, as a sentence."
    )

    class Meta:
        db_table = "market_quality_findings"
        ordering = ["-start", "-id"]
        indexes = [
            # "Which findings of this series overlap this range?" (each check, the chart)
            models.Index(name="quality_series_range", fields=["series", "start"]),
            # "Which findings need attention?" (the page of findings, the overview, the metrics)
            models.Index(name="quality_unresolved", fields=["series", "kind"], condition=~Q(state="resolved")),
        ]
        constraints = [
            models.CheckConstraint(
                name="quality_kind_known",
                condition=Q(
                    kind__in=[
                        "missing",
                        "silence",
                        "spike",
                        "scale",
                        "jump",
                        "off_tick",
                        "flat",
                        "repeated",
                        "wrong_contract",
                        "volume_zero",
                        "volume_outlier",
                        "outside_session",
                        "vendor_condition",
                        "cross_check",
                        "revision_storm",
                        "run_failed",
                        "feed_outage",
                        "budget",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="quality_severity_known", condition=Q(severity__in=["info", "warning", "error", "critical"])
            ),
            models.CheckConstraint(
                name="quality_state_known", condition=Q(state__in=["open", "acknowledged", "resolved"])
            ),
            models.CheckConstraint(name="quality_range_in_order", condition=Q(start__lt=F("end"))),
            models.CheckConstraint(name="quality_seen_in_order", condition=Q(first_seen__lte=F("last_seen"))),
            models.CheckConstraint(name="quality_text_not_empty", condition=~Q(text="")),
            models.CheckConstraint(
                name="quality_is_about_something", condition=Q(series__isnull=False) | ~Q(identity="")
            ),
            models.CheckConstraint(
                name="quality_acknowledged_by_a_user",
                condition=Q(state="acknowledged", acknowledged_at__isnull=False) & ~Q(acknowledged_by="")
                | ~Q(state="acknowledged"),
            ),
            models.CheckConstraint(
                name="quality_acknowledgement_complete",
                condition=Q(acknowledged_at__isnull=True, acknowledged_by="", note="", until__isnull=True)
                | (Q(acknowledged_at__isnull=False) & ~Q(acknowledged_by="")),
            ),
            models.CheckConstraint(
                name="quality_resolved_iff_closed",
                condition=Q(state="resolved", resolved_at__isnull=False, resolved_how__in=["hand", "itself"])
                & ~Q(resolution="")
                | ~Q(state="resolved") & Q(resolved_at__isnull=True, resolved_how="", resolved_by="", resolution=""),
            ),
            models.CheckConstraint(
                name="quality_hand_is_a_user",
                condition=Q(resolved_how="hand") & ~Q(resolved_by="") | ~Q(resolved_how="hand") & Q(resolved_by=""),
            ),
            # What has no bars is found again by what it is about.
            models.UniqueConstraint(
                name="quality_identity_once",
                fields=["series", "kind", "identity"],
                condition=~Q(identity=""),
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"finding {self.pk}: {self.kind} {self.state}"


class QualityEvent(models.Model):
    """One change of a finding's state."""

    class Event(models.TextChoices):
        FOUND = "found"
        REOPENED = "reopened"
        ACKNOWLEDGED = "acknowledged"
        RESOLVED = "resolved"

    # Its index serves "what happened to this finding?".
    finding = models.ForeignKey(QualityFinding, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    event = models.CharField(max_length=12, choices=Event)
    by = models.CharField(max_length=MAX_USER, blank=True, default="", help_text="The user. Empty: a check.")
    note = models.CharField(max_length=MAX_NOTE, blank=True, default="")

    class Meta:
        db_table = "market_quality_events"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="quality_event_known",
                condition=Q(event__in=["found", "reopened", "acknowledged", "resolved"]),
            ),
        ]

    def __str__(self) -> str:
        return f"finding {self.finding_id} {self.event} at {self.at}"
