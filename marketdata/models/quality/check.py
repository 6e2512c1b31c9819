from django.db import models
from django.db.models import F, Q


class QualityCheck(models.Model):
    """Which history of a series was checked, from the first bar to the last, and when.

    What is found outside the range is baseline, since the history there was loaded for the first time; but new bars at
    its end are not, unless they are more than a month.
    """

    series = models.OneToOneField("Series", on_delete=models.CASCADE, primary_key=True, related_name="quality_check")
    start = models.DateTimeField(help_text="UTC.")
    end = models.DateTimeField(help_text="Not included.")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        db_table = "market_quality_checks"
        constraints = [
            models.CheckConstraint(name="quality_check_range_in_order", condition=Q(start__lt=F("end"))),
            models.CheckConstraint(name="quality_check_times_in_order", condition=Q(first_at__lte=F("last_at"))),
        ]

    def __str__(self) -> str:
        return f"{self.series_id} [{self.start}, {self.end})"
