"""Subscriptions, requests to the vendor and their cost, days that history covers, and runs that load such files."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

# The id of a series and a range of time, without the extension btree_gist. What the plan buys again has other reasons.
BOUGHT_ONCE = """
ALTER TABLE market_feed_requests ADD CONSTRAINT request_bought_once EXCLUDE USING gist (
    int8range(series_id, series_id, '[]') WITH &&, tstzrange(start, "end") WITH &&
) WHERE (state IN ('bought', 'arrived', 'stored') AND reason IN ('missing', 'hole'));
"""
DROP_BOUGHT_ONCE = "ALTER TABLE market_feed_requests DROP CONSTRAINT request_bought_once"

# Checked immediately: Django's would be deferred, and block TRUNCATE until the commit.
RUN_HAS_REQUEST = """
ALTER TABLE data_ingest_runs
    ADD CONSTRAINT run_feed_request_exists FOREIGN KEY (feed_request_id) REFERENCES market_feed_requests (id);
"""
DROP_RUN_HAS_REQUEST = "ALTER TABLE data_ingest_runs DROP CONSTRAINT run_feed_request_exists"

ONE_STORE = """
INSERT INTO feed_store (identifier) VALUES (gen_random_uuid());
CREATE UNIQUE INDEX feed_store_one_row ON feed_store ((true));
"""

SUBSCRIBE_MNQ = """
UPDATE market_series SET feed_symbol = 'MNQ.c.0', feed_stype = 'continuous'
WHERE slug = 'mnq' AND dataset = 'GLBX.MDP3' AND 'MNQ.c.0' = ANY (vendor_symbols)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0014_rollup_corrections"),
    ]

    operations = [
        migrations.CreateModel(
            name="Backfill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("daily", models.BooleanField(default=False, help_text="Whether it was started with --daily.")),
                (
                    "series",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=160),
                        default=list,
                        help_text="The slugs of the requested series.",
                        size=None,
                    ),
                ),
                ("requested_start", models.DateTimeField(blank=True, help_text="--start", null=True)),
                ("requested_end", models.DateTimeField(blank=True, help_text="--end, not included.", null=True)),
                (
                    "max_usd",
                    models.DecimalField(blank=True, decimal_places=6, help_text="--max-cost", max_digits=12, null=True),
                ),
                (
                    "requested_by",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="The user of the page. Empty for the command line.",
                        max_length=150,
                    ),
                ),
                (
                    "job_id",
                    models.UUIDField(
                        blank=True, help_text="The job that started it. Empty for the command line.", null=True
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("success", "Success"),
                            ("refused", "refused: over a cap, or not confirmed"),
                            ("failed", "Failed"),
                        ],
                        default="running",
                        max_length=8,
                    ),
                ),
                ("error", models.TextField(blank=True, default="")),
                (
                    "summary",
                    models.JSONField(default=dict, help_text="What it planned and did: the object that --json prints."),
                ),
            ],
            options={
                "db_table": "market_backfills",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="FeedRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dataset", models.CharField(max_length=32)),
                ("schema", models.CharField(default="ohlcv-1m", max_length=32)),
                ("stype_in", models.CharField(max_length=16)),
                ("vendor_symbol", models.CharField(max_length=128)),
                ("start", models.DateTimeField()),
                ("end", models.DateTimeField(help_text="Not included.")),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("missing", "no bars are stored"),
                            ("hole", "between stored bars"),
                            ("confirm", "live bars to confirm"),
                            ("revised", "the vendor changed the day"),
                            ("degraded", "the vendor changed the degraded day"),
                            ("file_lost", "the kept file is gone"),
                            ("manual", "requested by a person"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "mode",
                    models.CharField(
                        choices=[("stream", "Stream"), ("batch", "Batch")], default="stream", max_length=6
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("priced", "Priced"),
                            ("refused", "Refused"),
                            ("bought", "Bought"),
                            ("arrived", "Arrived"),
                            ("stored", "Stored"),
                            ("empty", "Empty"),
                            ("failed", "Failed"),
                        ],
                        max_length=8,
                    ),
                ),
                ("priced_at", models.DateTimeField()),
                ("priced_usd", models.DecimalField(decimal_places=6, max_digits=12)),
                ("priced_records", models.BigIntegerField()),
                (
                    "vendor_modified",
                    models.DateField(
                        blank=True,
                        help_text="The newest last_modified_date of its days, read before it was bought.",
                        null=True,
                    ),
                ),
                ("bought_at", models.DateTimeField(blank=True, null=True)),
                ("charged_usd", models.DecimalField(blank=True, decimal_places=6, max_digits=12, null=True)),
                (
                    "job_id",
                    models.CharField(blank=True, default="", help_text="The vendor's batch job.", max_length=64),
                ),
                ("file_path", models.TextField(blank=True, default="")),
                ("file_sha256", models.CharField(blank=True, default="", max_length=64)),
                ("file_size", models.BigIntegerField(blank=True, help_text="Bytes.", null=True)),
                ("received_records", models.BigIntegerField(blank=True, null=True)),
                (
                    "warnings",
                    models.TextField(blank=True, default="", help_text="What the vendor stated beside the data."),
                ),
                ("error", models.TextField(blank=True, default="")),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "market_feed_requests",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="FeedStore",
            fields=[
                ("identifier", models.UUIDField(primary_key=True, serialize=False)),
            ],
            options={
                "db_table": "feed_store",
            },
        ),
        migrations.CreateModel(
            name="KnownEmpty",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dataset", models.CharField(max_length=32)),
                ("vendor_symbol", models.CharField(max_length=128)),
                ("start", models.DateTimeField()),
                ("end", models.DateTimeField(help_text="Not included.")),
                (
                    "why",
                    models.CharField(
                        choices=[
                            ("closed", "the market was closed"),
                            ("not_listed", "the contract was not listed"),
                            ("not_resolved", "the vendor does not resolve the symbol"),
                            ("no_records", "the vendor has no records"),
                            ("vendor_missing", "the vendor lacks the day"),
                        ],
                        max_length=16,
                    ),
                ),
                ("evidence", models.TextField(help_text="What the vendor answered.")),
                ("learned_at", models.DateTimeField()),
                (
                    "ask_again_at",
                    models.DateTimeField(blank=True, help_text="Empty: only if the vendor changes the day.", null=True),
                ),
                (
                    "modified",
                    models.DateField(
                        blank=True,
                        help_text="The newest last_modified_date of its days when it was learned.",
                        null=True,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "known empty ranges",
                "db_table": "market_known_empty",
                "ordering": ["series", "start"],
            },
        ),
        migrations.CreateModel(
            name="VendorDay",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "dataset", "day", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("dataset", models.CharField(max_length=32)),
                ("day", models.DateField()),
                (
                    "condition",
                    models.CharField(
                        choices=[
                            ("available", "Available"),
                            ("degraded", "Degraded"),
                            ("pending", "Pending"),
                            ("missing", "Missing"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "last_modified_date",
                    models.DateField(
                        blank=True,
                        help_text="When any schema of the dataset was last made again for the day.",
                        null=True,
                    ),
                ),
                ("was", models.CharField(blank=True, default="", help_text="The condition before.", max_length=16)),
                ("seen_at", models.DateTimeField(help_text="When it was last read.")),
            ],
            options={
                "db_table": "market_vendor_days",
            },
        ),
        migrations.RemoveConstraint(
            model_name="ingestrun",
            name="run_kind_known",
        ),
        migrations.AddField(
            model_name="series",
            name="feed_daily",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Whether backfill --daily includes the series."
            ),
        ),
        migrations.AddField(
            model_name="series",
            name="feed_start",
            field=models.DateField(
                blank=True,
                help_text="The first UTC date that backfill requests. Empty: the dataset's first.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="series",
            name="feed_stype",
            field=models.CharField(
                blank=True,
                choices=[
                    ("continuous", "continuous, for example MNQ.c.0"),
                    ("raw_symbol", "raw symbol, for example MNQZ6"),
                    ("parent", "parent, for example MNQ.FUT: every contract, each into its own series"),
                ],
                db_default="",
                default="",
                help_text="The kind of the vendor's symbol.",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="series",
            name="feed_symbol",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The vendor's symbol that backfill requests, for example MNQ.c.0. Empty: nothing is requested.",
                max_length=128,
            ),
        ),
        migrations.AlterField(
            model_name="ingestrun",
            name="kind",
            field=models.CharField(
                choices=[
                    ("file", "File"),
                    ("undo", "Undo"),
                    ("split", "Split"),
                    ("history", "History"),
                    ("live", "Live"),
                ],
                db_default="file",
                default="file",
                help_text="What the run does.",
                max_length=16,
            ),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.CheckConstraint(
                condition=models.Q(("feed_stype__in", ["", "continuous", "raw_symbol", "parent"])),
                name="series_feed_stype_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("feed_daily", False), ("feed_stype", ""), ("feed_symbol", "")),
                    models.Q(
                        models.Q(("feed_symbol", ""), _negated=True),
                        models.Q(("feed_stype", ""), _negated=True),
                        models.Q(("dataset", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="series_feed_complete",
            ),
        ),
        migrations.AddConstraint(
            model_name="backfill",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["running", "success", "refused", "failed"])),
                name="backfill_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="backfill",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at__isnull", True), ("status", "running")),
                    models.Q(models.Q(("status", "running"), _negated=True), ("finished_at__isnull", False)),
                    _connector="OR",
                ),
                name="backfill_finished_iff_closed",
            ),
        ),
        migrations.AddConstraint(
            model_name="backfill",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("finished_at__isnull", True), ("finished_at__gte", models.F("started_at")), _connector="OR"
                ),
                name="backfill_finished_after_start",
            ),
        ),
        migrations.AddField(
            model_name="feedrequest",
            name="backfill",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="requests",
                to="marketdata.backfill",
            ),
        ),
        migrations.AddField(
            model_name="feedrequest",
            name="run",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                help_text="The run that stored its bars.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="stored_requests",
                to="marketdata.ingestrun",
            ),
        ),
        migrations.AddField(
            model_name="feedrequest",
            name="series",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="feed_requests", to="marketdata.series"
            ),
        ),
        migrations.AddField(
            model_name="ingestrun",
            name="feed_request",
            field=models.ForeignKey(
                blank=True,
                help_text="The request to the vendor that brought the file. Empty for a file of a user.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                db_constraint=False,
                db_index=False,
                related_name="runs",
                to="marketdata.feedrequest",
            ),
        ),
        migrations.AddConstraint(
            model_name="ingestrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["file", "undo", "split", "history", "live"])), name="run_kind_known"
            ),
        ),
        migrations.AddField(
            model_name="knownempty",
            name="series",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="known_empty",
                to="marketdata.series",
            ),
        ),
        migrations.CreateModel(
            name="SeriesDay",
            fields=[
                (
                    "series",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="history_days",
                        to="marketdata.series",
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        blank=True,
                        help_text="The request that delivered the day, the last of several. Empty: the vendor's count was compared.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="days",
                        to="marketdata.feedrequest",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="marketdata.ingestrun",
                    ),
                ),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "series", "day", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField()),
                (
                    "covered_from",
                    models.DateTimeField(
                        blank=True,
                        help_text="History is known from this time on. Empty: from the start of the day.",
                        null=True,
                    ),
                ),
                (
                    "covered_until",
                    models.DateTimeField(help_text="History is known up to this time, which can be within the day."),
                ),
                (
                    "records",
                    models.IntegerField(help_text="The bars that history delivered for the day, up to covered_until."),
                ),
                ("changed", models.IntegerField(default=0, help_text="Live bars that differed from history.")),
                (
                    "condition",
                    models.CharField(
                        blank=True, default="", help_text="The vendor's, when it was bought.", max_length=16
                    ),
                ),
                (
                    "modified",
                    models.DateField(
                        blank=True, help_text="The vendor's last_modified_date when it was bought.", null=True
                    ),
                ),
                ("confirmed_at", models.DateTimeField()),
            ],
            options={
                "db_table": "market_series_days",
            },
        ),
        migrations.AddConstraint(
            model_name="vendorday",
            constraint=models.CheckConstraint(
                condition=models.Q(("condition__in", ["available", "degraded", "pending", "missing"])),
                name="vendor_day_condition_known",
            ),
        ),
        migrations.AddIndex(
            model_name="feedrequest",
            index=models.Index(
                condition=models.Q(("bought_at__isnull", False)), fields=["bought_at"], name="feed_request_bought"
            ),
        ),
        migrations.AddIndex(
            model_name="feedrequest",
            index=models.Index(
                condition=models.Q(("state__in", ["bought", "arrived"])), fields=["id"], name="feed_request_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="feedrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("start__lt", models.F("end"))), name="request_range_in_order"
            ),
        ),
        migrations.AddConstraint(
            model_name="feedrequest",
            constraint=models.CheckConstraint(
                condition=django.db.models.expressions.RawSQL(
                    'mod(extract(epoch FROM start), 60) = 0 AND mod(extract(epoch FROM "end"), 60) = 0',
                    (),
                    output_field=models.BooleanField(),
                ),
                name="request_full_minutes",
            ),
        ),
        migrations.AddConstraint(
            model_name="feedrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["priced", "refused", "bought", "arrived", "stored", "empty", "failed"])
                ),
                name="request_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="feedrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reason__in", ["missing", "hole", "confirm", "revised", "degraded", "file_lost", "manual"])
                ),
                name="request_reason_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="feedrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("mode__in", ["stream", "batch"])), name="request_mode_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="feedrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("stype_in__in", ["continuous", "raw_symbol", "parent"])), name="request_stype_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="feedrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("priced_records__gte", 0),
                    ("priced_usd__gte", 0),
                    models.Q(("charged_usd__isnull", True), ("charged_usd__gte", 0), _connector="OR"),
                ),
                name="request_money_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="feedrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("bought_at__isnull", True), ("bought_at__gte", models.F("priced_at")), _connector="OR"
                ),
                name="request_priced_before_bought",
            ),
        ),
        migrations.AddConstraint(
            model_name="feedrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("bought_at__isnull", True),
                        ("charged_usd__isnull", True),
                        models.Q(("state__in", ["bought", "arrived", "stored", "failed"]), _negated=True),
                    ),
                    models.Q(
                        ("bought_at__isnull", False),
                        ("charged_usd__isnull", False),
                        models.Q(("state__in", ["priced", "refused", "empty"]), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="request_charged_iff_bought",
            ),
        ),
        migrations.AddConstraint(
            model_name="feedrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("run__isnull", False), ("state", "stored")),
                    models.Q(models.Q(("state", "stored"), _negated=True), ("run__isnull", True)),
                    _connector="OR",
                ),
                name="request_stored_iff_run",
            ),
        ),
        migrations.AddConstraint(
            model_name="feedrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["arrived", "stored"]), _negated=True),
                    models.Q(
                        ("file_sha256__regex", "^[0-9a-f]{64}$"),
                        ("received_records", models.F("priced_records")),
                        models.Q(("file_path", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="request_arrived_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="feedrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["failed", "refused"]), models.Q(("error", ""), _negated=True)),
                    models.Q(models.Q(("state__in", ["failed", "refused"]), _negated=True), ("error", "")),
                    _connector="OR",
                ),
                name="request_error_iff_failed",
            ),
        ),
        migrations.AddIndex(
            model_name="knownempty",
            index=models.Index(fields=["series", "start"], name="known_empty_range"),
        ),
        migrations.AddConstraint(
            model_name="knownempty",
            constraint=models.CheckConstraint(
                condition=models.Q(("start__lt", models.F("end"))), name="known_empty_in_order"
            ),
        ),
        migrations.AddConstraint(
            model_name="knownempty",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("why__in", ["closed", "not_listed", "not_resolved", "no_records", "vendor_missing"])
                ),
                name="known_empty_why_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="seriesday",
            constraint=models.CheckConstraint(
                condition=models.Q(("changed__gte", 0), ("records__gte", 0)), name="series_day_counts_not_negative"
            ),
        ),
        migrations.CreateModel(
            name="VendorDataset",
            fields=[
                ("dataset", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("available_start", models.DateTimeField()),
                (
                    "available_end",
                    models.DateTimeField(help_text="Not included. What the account's licence allows may end earlier."),
                ),
                ("seen_at", models.DateTimeField(help_text="When it was last read.")),
            ],
            options={
                "db_table": "market_vendor_datasets",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("available_start__lte", models.F("available_end"))),
                        name="vendor_dataset_in_order",
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="ingestrun",
            index=models.Index(
                condition=models.Q(("feed_request__isnull", False)), fields=["feed_request"], name="run_feed_request"
            ),
        ),
        migrations.RunSQL(RUN_HAS_REQUEST, DROP_RUN_HAS_REQUEST),
        migrations.RunSQL(BOUGHT_ONCE, DROP_BOUGHT_ONCE),
        migrations.RunSQL(ONE_STORE, migrations.RunSQL.noop),
        migrations.RunSQL(SUBSCRIBE_MNQ, migrations.RunSQL.noop),
    ]
