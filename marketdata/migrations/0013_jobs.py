"""Who requested a run, its job, who cancelled it, and who dismissed its failure."""

import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0012_access"),
    ]

    operations = [
        migrations.AddField(
            model_name="ingestrun",
            name="cancel_requested_by",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The user who requested to cancel the run while it was running. Empty if none did.",
                max_length=150,
            ),
        ),
        migrations.AddField(
            model_name="ingestrun",
            name="dismissed_at",
            field=models.DateTimeField(blank=True, help_text="When a user dismissed the failure.", null=True),
        ),
        migrations.AddField(
            model_name="ingestrun",
            name="dismissed_by",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="The user who dismissed the failure.", max_length=150
            ),
        ),
        migrations.AddField(
            model_name="ingestrun",
            name="dismissed_reason",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="Why the failure needs no attention.", max_length=500
            ),
        ),
        migrations.AddField(
            model_name="ingestrun",
            name="job_id",
            field=models.UUIDField(
                blank=True, help_text="The job that started the run. Empty for a run of the command line.", null=True
            ),
        ),
        migrations.AddField(
            model_name="ingestrun",
            name="requested_by",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The user who requested the run on a page. Empty for a run of the command line.",
                max_length=150,
            ),
        ),
        migrations.AddIndex(
            model_name="ingestrun",
            index=django.contrib.postgres.indexes.HashIndex(fields=["file_path"], name="run_file_path"),
        ),
        migrations.AddIndex(
            model_name="ingestrun",
            index=models.Index(condition=models.Q(("job_id__isnull", False)), fields=["job_id"], name="run_job"),
        ),
        migrations.AddConstraint(
            model_name="ingestrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("dismissed_at__isnull", True), ("dismissed_by", ""), ("dismissed_reason", "")),
                    models.Q(
                        ("dismissed_at__isnull", False),
                        ("status", "failed"),
                        models.Q(("dismissed_by", ""), _negated=True),
                        models.Q(("dismissed_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="run_dismissed_if_failed",
            ),
        ),
    ]
