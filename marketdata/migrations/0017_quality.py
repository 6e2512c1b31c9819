"""Findings of the checks of stored bars, their history, and what was checked."""

import django.db.models.deletion
import django.db.models.lookups
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0016_live"),
    ]

    operations = [
        migrations.CreateModel(
            name="QualityCheck",
            fields=[
                (
                    "series",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="quality_check",
                        serialize=False,
                        to="marketdata.series",
                    ),
                ),
                ("start", models.DateTimeField(help_text="UTC.")),
                ("end", models.DateTimeField(help_text="Not included.")),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
            ],
            options={
                "db_table": "market_quality_checks",
            },
        ),
        migrations.CreateModel(
            name="QualityEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                (
                    "event",
                    models.CharField(
                        choices=[
                            ("found", "Found"),
                            ("reopened", "Reopened"),
                            ("acknowledged", "Acknowledged"),
                            ("resolved", "Resolved"),
                        ],
                        max_length=12,
                    ),
                ),
                ("by", models.CharField(blank=True, default="", help_text="The user. Empty: a check.", max_length=150)),
                ("note", models.CharField(blank=True, default="", max_length=2000)),
            ],
            options={
                "db_table": "market_quality_events",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="QualityFinding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("missing", "Missing"),
                            ("silence", "Silence"),
                            ("spike", "Spike"),
                            ("scale", "Scale"),
                            ("jump", "Jump"),
                            ("off_tick", "off tick"),
                            ("flat", "Flat"),
                            ("repeated", "Repeated"),
                            ("wrong_contract", "wrong contract"),
                            ("volume_zero", "volume zero"),
                            ("volume_outlier", "volume outlier"),
                            ("outside_session", "outside session"),
                            ("vendor_condition", "vendor condition"),
                            ("cross_check", "cross-check"),
                            ("revision_storm", "revision storm"),
                            ("run_failed", "run failed"),
                            ("feed_outage", "feed outage"),
                            ("budget", "Budget"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("info", "Info"),
                            ("warning", "Warning"),
                            ("error", "Error"),
                            ("critical", "Critical"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "identity",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="What a finding is about that has no bars, for example run 7. Empty: its range is.",
                        max_length=200,
                    ),
                ),
                ("start", models.DateTimeField(help_text="UTC.")),
                ("end", models.DateTimeField(help_text="Not included.")),
                ("value", models.FloatField(help_text="What was measured, in the unit of the kind's threshold.")),
                ("threshold", models.FloatField(help_text="From which value on there is a finding.")),
                ("text", models.TextField(help_text="The fault as a sentence.")),
                (
                    "evidence",
                    models.JSONField(
                        default=list, help_text="The bars that show it: a list of objects, prices as text."
                    ),
                ),
                (
                    "group",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Findings of one cause, for example one halt, have the same.",
                        max_length=200,
                    ),
                ),
                (
                    "is_baseline",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Whether it was found in history that was loaded for the first time.",
                    ),
                ),
                ("first_seen", models.DateTimeField()),
                ("last_seen", models.DateTimeField(help_text="The last check that found it.")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("acknowledged", "Acknowledged"), ("resolved", "Resolved")],
                        default="open",
                        max_length=12,
                    ),
                ),
                ("acknowledged_by", models.CharField(blank=True, db_default="", default="", max_length=150)),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                (
                    "note",
                    models.CharField(
                        blank=True, db_default="", default="", help_text="Why it was acknowledged.", max_length=2000
                    ),
                ),
                (
                    "until",
                    models.DateTimeField(
                        blank=True,
                        help_text="When an acknowledged finding is open again. Empty: never by itself.",
                        null=True,
                    ),
                ),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "resolved_how",
                    models.CharField(
                        blank=True,
                        choices=[("hand", "by hand"), ("itself", "by itself")],
                        db_default="",
                        default="",
                        max_length=8,
                    ),
                ),
                ("resolved_by", models.CharField(blank=True, db_default="", default="", max_length=150)),
                (
                    "resolution",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="Why it is resolved, as a sentence.",
                        max_length=2000,
                    ),
                ),
            ],
            options={
                "db_table": "market_quality_findings",
                "ordering": ["-start", "-id"],
            },
        ),
        migrations.AddField(
            model_name="ingestrun",
            name="quality_checked_at",
            field=models.DateTimeField(
                blank=True, help_text="When the bars that the run touched were checked. Empty: not yet.", null=True
            ),
        ),
        migrations.AddField(
            model_name="ingestrun",
            name="vendor_conditions",
            field=models.JSONField(
                blank=True,
                help_text="Of the condition.json beside the file: start and end of its dates, and the days that are not available, with their conditions. Empty: there was none.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="series",
            name="quality_thresholds",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                help_text='Thresholds of findings that differ from the defaults, by kind: {"spike": 20, "missing": 40}.',
            ),
        ),
        migrations.AddIndex(
            model_name="ingestrun",
            index=models.Index(
                condition=models.Q(("quality_checked_at__isnull", True), ("status", "success")),
                fields=["id"],
                name="run_not_checked",
            ),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.CheckConstraint(
                condition=django.db.models.lookups.Exact(
                    models.Func(
                        "quality_thresholds", function="jsonb_typeof", output_field=models.CharField(max_length=10)
                    ),
                    models.Value("object"),
                ),
                name="series_quality_thresholds_object",
            ),
        ),
        migrations.AddConstraint(
            model_name="qualitycheck",
            constraint=models.CheckConstraint(
                condition=models.Q(("start__lt", models.F("end"))), name="quality_check_range_in_order"
            ),
        ),
        migrations.AddConstraint(
            model_name="qualitycheck",
            constraint=models.CheckConstraint(
                condition=models.Q(("first_at__lte", models.F("last_at"))), name="quality_check_times_in_order"
            ),
        ),
        migrations.AddField(
            model_name="qualityfinding",
            name="run",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                help_text="The run that brought it. Empty if none did.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="findings",
                to="marketdata.ingestrun",
            ),
        ),
        migrations.AddField(
            model_name="qualityfinding",
            name="series",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="Empty for what concerns no series: a failed run, a feed, the budget.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="findings",
                to="marketdata.series",
            ),
        ),
        migrations.AddField(
            model_name="qualityevent",
            name="finding",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="events", to="marketdata.qualityfinding"
            ),
        ),
        migrations.AddIndex(
            model_name="qualityfinding",
            index=models.Index(fields=["series", "start"], name="quality_series_range"),
        ),
        migrations.AddIndex(
            model_name="qualityfinding",
            index=models.Index(
                condition=models.Q(("state", "resolved"), _negated=True),
                fields=["series", "kind"],
                name="quality_unresolved",
            ),
        ),
        migrations.AddConstraint(
            model_name="qualityfinding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
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
                        ],
                    )
                ),
                name="quality_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="qualityfinding",
            constraint=models.CheckConstraint(
                condition=models.Q(("severity__in", ["info", "warning", "error", "critical"])),
                name="quality_severity_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="qualityfinding",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["open", "acknowledged", "resolved"])), name="quality_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="qualityfinding",
            constraint=models.CheckConstraint(
                condition=models.Q(("start__lt", models.F("end"))), name="quality_range_in_order"
            ),
        ),
        migrations.AddConstraint(
            model_name="qualityfinding",
            constraint=models.CheckConstraint(
                condition=models.Q(("first_seen__lte", models.F("last_seen"))), name="quality_seen_in_order"
            ),
        ),
        migrations.AddConstraint(
            model_name="qualityfinding",
            constraint=models.CheckConstraint(
                condition=models.Q(("text", ""), _negated=True), name="quality_text_not_empty"
            ),
        ),
        migrations.AddConstraint(
            model_name="qualityfinding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("series__isnull", False), models.Q(("identity", ""), _negated=True), _connector="OR"
                ),
                name="quality_is_about_something",
            ),
        ),
        migrations.AddConstraint(
            model_name="qualityfinding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("acknowledged_at__isnull", False),
                        ("state", "acknowledged"),
                        models.Q(("acknowledged_by", ""), _negated=True),
                    ),
                    models.Q(("state", "acknowledged"), _negated=True),
                    _connector="OR",
                ),
                name="quality_acknowledged_by_a_user",
            ),
        ),
        migrations.AddConstraint(
            model_name="qualityfinding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("acknowledged_at__isnull", True),
                        ("acknowledged_by", ""),
                        ("note", ""),
                        ("until__isnull", True),
                    ),
                    models.Q(("acknowledged_at__isnull", False), models.Q(("acknowledged_by", ""), _negated=True)),
                    _connector="OR",
                ),
                name="quality_acknowledgement_complete",
            ),
        ),
        migrations.AddConstraint(
            model_name="qualityfinding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("resolved_at__isnull", False),
                        ("resolved_how__in", ["hand", "itself"]),
                        ("state", "resolved"),
                        models.Q(("resolution", ""), _negated=True),
                    ),
                    models.Q(
                        models.Q(("state", "resolved"), _negated=True),
                        ("resolution", ""),
                        ("resolved_at__isnull", True),
                        ("resolved_by", ""),
                        ("resolved_how", ""),
                    ),
                    _connector="OR",
                ),
                name="quality_resolved_iff_closed",
            ),
        ),
        migrations.AddConstraint(
            model_name="qualityfinding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("resolved_how", "hand"), models.Q(("resolved_by", ""), _negated=True)),
                    models.Q(models.Q(("resolved_how", "hand"), _negated=True), ("resolved_by", "")),
                    _connector="OR",
                ),
                name="quality_hand_is_a_user",
            ),
        ),
        migrations.AddConstraint(
            model_name="qualityfinding",
            constraint=models.UniqueConstraint(
                condition=models.Q(("identity", ""), _negated=True),
                fields=("series", "kind", "identity"),
                name="quality_identity_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="qualityevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("event__in", ["found", "reopened", "acknowledged", "resolved"])),
                name="quality_event_known",
            ),
        ),
    ]
