"""Live sessions with the vendor, the feed's status, and the runs that a session brings."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

# Checked immediately: Django's would be deferred, and block TRUNCATE until the commit.
RUN_HAS_SESSION = """
ALTER TABLE data_ingest_runs
    ADD CONSTRAINT run_feed_session_exists FOREIGN KEY (feed_session_id) REFERENCES market_feed_sessions (id);
"""
DROP_RUN_HAS_SESSION = "ALTER TABLE data_ingest_runs DROP CONSTRAINT run_feed_session_exists"


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0015_feeds"),
    ]

    operations = [
        migrations.CreateModel(
            name="FeedSession",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dataset", models.CharField(max_length=32)),
                ("gateway", models.CharField(help_text="Host and port.", max_length=255)),
                (
                    "gateway_session",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="The session's id at the gateway. Empty until it is accepted.",
                        max_length=64,
                    ),
                ),
                ("started_at", models.DateTimeField(help_text="When the connection was begun.")),
                (
                    "accepted_at",
                    models.DateTimeField(blank=True, help_text="When the gateway accepted the session.", null=True),
                ),
                (
                    "asked_start",
                    models.DateTimeField(blank=True, help_text="The earliest start of its subscriptions.", null=True),
                ),
                (
                    "replay_from",
                    models.DateTimeField(
                        blank=True,
                        help_text="The first minute that the gateway replayed. Empty: nothing arrived.",
                        null=True,
                    ),
                ),
                (
                    "replayed_at",
                    models.DateTimeField(
                        blank=True, help_text="When the gateway reported the replay's end.", null=True
                    ),
                ),
                (
                    "closed_until",
                    models.DateTimeField(
                        blank=True,
                        help_text="All bars of earlier minutes arrived: the end of the last closed interval.",
                        null=True,
                    ),
                ),
                (
                    "unproven",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.DateTimeField(),
                        blank=True,
                        default=list,
                        help_text="Minutes that the session did not prove.",
                        size=None,
                    ),
                ),
                ("last_bar_ts", models.DateTimeField(blank=True, help_text="The newest minute of a bar.", null=True)),
                ("last_byte_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "end",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("eof", "the gateway closed the connection"),
                            ("reset", "the connection was reset"),
                            ("refused", "the gateway refused the session"),
                            ("unreachable", "no connection was made"),
                            ("silent", "no bytes arrived"),
                            ("no_bars", "heartbeats, but no bars while the exchange was open"),
                            ("garbage", "bytes that are no records"),
                            ("error", "the gateway reported an error"),
                            ("replay", "minutes are requested again"),
                            ("roll", "a contract rolled"),
                            ("restart", "the gateway's weekly restart"),
                            ("stopped", "stream_live was stopped"),
                            ("died", "the process died"),
                        ],
                        default="",
                        help_text="Empty: it is open.",
                        max_length=12,
                    ),
                ),
                ("error", models.TextField(blank=True, default="", help_text="Why it ended, as a sentence.")),
                ("bars", models.BigIntegerField(default=0, help_text="Bars that arrived.")),
                ("repeated", models.BigIntegerField(default=0, help_text="Bars that arrived more than once.")),
                (
                    "late",
                    models.BigIntegerField(default=0, help_text="Bars that arrived after their minute was closed."),
                ),
                ("quarantined", models.BigIntegerField(default=0, help_text="Records that could not be stored.")),
            ],
            options={
                "db_table": "market_feed_sessions",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="FeedSessionSeries",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "series",
                        "session",
                        "vendor_symbol",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "series",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="feed_sessions",
                        to="marketdata.series",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="series",
                        to="marketdata.feedsession",
                    ),
                ),
                ("vendor_symbol", models.CharField(help_text="As subscribed, for example MNQZ6.", max_length=128)),
                ("stype_in", models.CharField(max_length=16)),
                (
                    "start",
                    models.DateTimeField(
                        blank=True, help_text="The start that was asked. Empty: no replay.", null=True
                    ),
                ),
                (
                    "end",
                    models.DateTimeField(
                        blank=True,
                        help_text="Bars from this time on belong to another contract. Empty: no end.",
                        null=True,
                    ),
                ),
            ],
            options={
                "db_table": "market_feed_session_series",
            },
        ),
        migrations.CreateModel(
            name="FeedStatus",
            fields=[
                ("dataset", models.CharField(max_length=32, primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("connecting", "Connecting"),
                            ("replaying", "Replaying"),
                            ("live", "Live"),
                            ("closed", "the exchange is closed"),
                            ("reconnecting", "Reconnecting"),
                            ("stopped", "Stopped"),
                        ],
                        max_length=12,
                    ),
                ),
                ("since", models.DateTimeField(help_text="When the state began.")),
                (
                    "reason",
                    models.TextField(
                        blank=True, default="", help_text="Why it is reconnecting or stopped, as a sentence."
                    ),
                ),
                ("seen_at", models.DateTimeField(help_text="When stream_live last recorded this row.")),
                (
                    "gateway_time",
                    models.DateTimeField(blank=True, help_text="The newest time that the gateway stated.", null=True),
                ),
                ("last_byte_at", models.DateTimeField(blank=True, null=True)),
                ("last_bar_ts", models.DateTimeField(blank=True, help_text="The newest minute of a bar.", null=True)),
                (
                    "stored_until",
                    models.DateTimeField(blank=True, help_text="All closed minutes before it are stored.", null=True),
                ),
                (
                    "lag_ms",
                    models.IntegerField(
                        blank=True,
                        help_text="Milliseconds from the arrival of the last batch to its commit.",
                        null=True,
                    ),
                ),
                ("spool_files", models.IntegerField(default=0, help_text="Closed batches that are not stored yet.")),
                ("sessions", models.BigIntegerField(default=0, help_text="Sessions since stream_live started.")),
                (
                    "reconnects",
                    models.BigIntegerField(
                        default=0, help_text="Sessions that followed an unexpected end, since then."
                    ),
                ),
                ("process", models.CharField(blank=True, default="", help_text="Host and process id.", max_length=255)),
                ("started_at", models.DateTimeField(help_text="When stream_live started.")),
            ],
            options={
                "verbose_name_plural": "feed status",
                "db_table": "market_feed_status",
            },
        ),
        migrations.AddField(
            model_name="series",
            name="live",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Whether stream_live keeps the series current to the minute."
            ),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.CheckConstraint(
                condition=models.Q(("live", False), models.Q(("feed_symbol", ""), _negated=True), _connector="OR"),
                name="series_live_has_symbol",
            ),
        ),
        migrations.AddIndex(
            model_name="feedsession",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)), fields=["dataset"], name="feed_session_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="feedsession",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("end", ""), ("ended_at__isnull", True)),
                    models.Q(("ended_at__isnull", False), models.Q(("end", ""), _negated=True)),
                    _connector="OR",
                ),
                name="feed_session_end_iff_ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="feedsession",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "end__in",
                        [
                            "",
                            "eof",
                            "reset",
                            "refused",
                            "unreachable",
                            "silent",
                            "no_bars",
                            "garbage",
                            "error",
                            "replay",
                            "roll",
                            "restart",
                            "stopped",
                            "died",
                        ],
                    )
                ),
                name="feed_session_end_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="feedsession",
            constraint=models.CheckConstraint(
                condition=models.Q(("bars__gte", 0), ("late__gte", 0), ("quarantined__gte", 0), ("repeated__gte", 0)),
                name="feed_session_counts_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="feedsession",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_at__isnull", True), ("ended_at__gte", models.F("started_at")), _connector="OR"
                ),
                name="feed_session_ends_after_start",
            ),
        ),
        migrations.AddField(
            model_name="ingestrun",
            name="feed_session",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                help_text="The live session that brought the file. Empty for all other files.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="runs",
                to="marketdata.feedsession",
            ),
        ),
        migrations.AddIndex(
            model_name="ingestrun",
            index=models.Index(
                condition=models.Q(("feed_session__isnull", False)),
                fields=["feed_session", "id"],
                name="run_feed_session",
            ),
        ),
        migrations.AddIndex(
            model_name="ingestrun",
            index=models.Index(
                condition=models.Q(("feed_session__isnull", True)), fields=["-id"], name="run_of_no_feed_session"
            ),
        ),
        migrations.AddConstraint(
            model_name="ingestrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("feed_session__isnull", True), ("kind", "live"), _connector="OR"),
                name="run_feed_session_is_live",
            ),
        ),
        migrations.AddField(
            model_name="feedstatus",
            name="session",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="marketdata.feedsession",
            ),
        ),
        migrations.AddConstraint(
            model_name="feedsessionseries",
            constraint=models.CheckConstraint(
                condition=models.Q(("stype_in__in", ["continuous", "raw_symbol", "parent"])),
                name="feed_session_series_stype_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="feedstatus",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["connecting", "replaying", "live", "closed", "reconnecting", "stopped"])
                ),
                name="feed_status_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="feedstatus",
            constraint=models.CheckConstraint(
                condition=models.Q(("reconnects__gte", 0), ("sessions__gte", 0), ("spool_files__gte", 0)),
                name="feed_status_counts_not_negative",
            ),
        ),
        migrations.RunSQL(RUN_HAS_SESSION, DROP_RUN_HAS_SESSION),
    ]
