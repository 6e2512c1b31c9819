"""All tables, with their functions and triggers, as the migrations that it replaces leave them.

An empty database gets this migration. A database that has some of the replaced migrations gets the rest of those. The
columns have the same order either way.
"""

import datetime

import django.contrib.postgres.fields
import django.contrib.postgres.functions
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

from marketdata.migrations._functions_0008 import DROP, INSTALL
from marketdata.migrations._series_0003 import add_series

# Checked immediately. Django's own foreign key would be deferred and block TRUNCATE until the commit.
ADD_FOREIGN_KEY = """
ALTER TABLE data_ingest_runs
    ADD CONSTRAINT run_undoes_a_run FOREIGN KEY (undoes_id) REFERENCES data_ingest_runs (id)
"""


class Migration(migrations.Migration):
    replaces = [
        ("marketdata", "0001_schema"),
        ("marketdata", "0002_run_integrity"),
        ("marketdata", "0003_mnq_series"),
        ("marketdata", "0004_browsable_bar"),
        ("marketdata", "0005_undo"),
        ("marketdata", "0006_hourly_ledger"),
        ("marketdata", "0007_ledger_in_any_session"),
        ("marketdata", "0008_bars_in_calendars"),
    ]

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="IngestRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("vendor", models.CharField(default="databento", max_length=32)),
                (
                    "dataset",
                    models.CharField(
                        blank=True, help_text="The name in the audit trail, for example mnq_ohlcv_1m.", max_length=200
                    ),
                ),
                (
                    "vendor_dataset",
                    models.CharField(blank=True, help_text="The vendor's name, for example GLBX.MDP3.", max_length=32),
                ),
                ("schema", models.CharField(default="ohlcv-1m", max_length=32)),
                (
                    "symbols",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=128),
                        blank=True,
                        default=list,
                        help_text="The symbols of the series that the run writes.",
                        size=None,
                    ),
                ),
                ("file_name", models.CharField(help_text="For an undo, the file of the undone run.", max_length=255)),
                ("file_path", models.TextField(help_text="The path of the file, for retrying a failed run.")),
                ("file_size", models.BigIntegerField(blank=True, help_text="Bytes.", null=True)),
                ("file_sha256", models.CharField(blank=True, max_length=64)),
                ("requested_symbol", models.CharField(blank=True, help_text="--symbol", max_length=128)),
                ("row_limit", models.BigIntegerField(blank=True, help_text="--limit", null=True)),
                ("publisher_id", models.IntegerField(blank=True, help_text="--publisher", null=True)),
                ("replace_instrument", models.BooleanField(default=False, help_text="--replace-instrument")),
                (
                    "status",
                    models.CharField(
                        choices=[("running", "Running"), ("success", "Success"), ("failed", "Failed")],
                        default="running",
                        max_length=16,
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("error", models.TextField(blank=True)),
                ("row_count", models.BigIntegerField(default=0, help_text="Rows of the file that were loaded.")),
                ("inserted_count", models.BigIntegerField(default=0, help_text="Bars that were new.")),
                ("updated_count", models.BigIntegerField(default=0, help_text="Bars that were already stored.")),
                ("changed_count", models.BigIntegerField(default=0, help_text="Stored bars that got new values.")),
                (
                    "duplicate_count",
                    models.BigIntegerField(default=0, help_text="Rows that repeat an earlier row of the file."),
                ),
                (
                    "removed_count",
                    models.BigIntegerField(default=0, help_text="Bars deleted because their instrument was replaced."),
                ),
                ("gap_count", models.BigIntegerField(default=0, help_text="Gaps: places where minutes are missing.")),
                ("min_ts", models.DateTimeField(blank=True, null=True)),
                ("max_ts", models.DateTimeField(blank=True, null=True)),
                (
                    "left_count",
                    models.BigIntegerField(
                        db_default=0,
                        default=0,
                        help_text="Bars that an undo skipped because a later run had changed them.",
                    ),
                ),
                (
                    "undoes",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        help_text="The run that this one undoes. Empty if it loads a file.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="undone_by",
                        to="marketdata.ingestrun",
                    ),
                ),
            ],
            options={
                "db_table": "data_ingest_runs",
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["file_sha256"], name="run_file_sha256"),
                    models.Index(
                        condition=models.Q(("status", "success"), _negated=True),
                        fields=["status", "-id"],
                        name="run_not_success",
                    ),
                    django.contrib.postgres.indexes.GinIndex(fields=["symbols"], name="run_symbols_gin"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["running", "success", "failed"])), name="run_status_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at__isnull", True), ("status", "running")),
                            models.Q(models.Q(("status", "running"), _negated=True), ("finished_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="run_finished_iff_closed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "failed"), models.Q(("error", ""), _negated=True)),
                            models.Q(models.Q(("status", "failed"), _negated=True), ("error", "")),
                            _connector="OR",
                        ),
                        name="run_error_iff_failed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("finished_at__isnull", True), ("finished_at__gte", models.F("started_at")), _connector="OR"
                        ),
                        name="run_finished_after_start",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("max_ts__isnull", True),
                                ("min_ts__isnull", True),
                                models.Q(("status", "success"), _negated=True),
                            ),
                            models.Q(
                                ("max_ts__isnull", False),
                                ("min_ts__isnull", False),
                                ("min_ts__lte", models.F("max_ts")),
                            ),
                            _connector="OR",
                        ),
                        name="run_times_in_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("changed_count__gte", 0),
                            ("duplicate_count__gte", 0),
                            ("gap_count__gte", 0),
                            ("inserted_count__gte", 0),
                            ("left_count__gte", 0),
                            ("removed_count__gte", 0),
                            ("row_count__gte", 0),
                            ("updated_count__gte", 0),
                        ),
                        name="run_counts_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("changed_count__lte", models.F("updated_count")),
                            models.Q(
                                models.Q(
                                    ("left_count", 0),
                                    (
                                        "row_count",
                                        django.db.models.expressions.CombinedExpression(
                                            django.db.models.expressions.CombinedExpression(
                                                models.F("inserted_count"), "+", models.F("updated_count")
                                            ),
                                            "+",
                                            models.F("duplicate_count"),
                                        ),
                                    ),
                                    ("row_count__gt", 0),
                                    ("status", "success"),
                                    ("undoes__isnull", True),
                                ),
                                models.Q(
                                    ("duplicate_count", 0),
                                    ("gap_count", 0),
                                    (
                                        "row_count",
                                        django.db.models.expressions.CombinedExpression(
                                            django.db.models.expressions.CombinedExpression(
                                                models.F("inserted_count"), "+", models.F("changed_count")
                                            ),
                                            "+",
                                            models.F("removed_count"),
                                        ),
                                    ),
                                    ("status", "success"),
                                    ("undoes__isnull", False),
                                    ("updated_count", models.F("changed_count")),
                                ),
                                models.Q(
                                    models.Q(("status", "success"), _negated=True),
                                    ("changed_count", 0),
                                    ("inserted_count", 0),
                                    ("left_count", 0),
                                    ("removed_count", 0),
                                    ("updated_count", 0),
                                ),
                                _connector="OR",
                            ),
                        ),
                        name="run_counts_add_up",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("file_sha256", ""), ("status__in", ["running", "failed"])),
                            models.Q(("file_sha256", ""), ("undoes__isnull", False)),
                            ("file_sha256__regex", "^[0-9a-f]{64}$"),
                            _connector="OR",
                        ),
                        name="run_sha256_form",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("undoes__isnull", True),
                            models.Q(("file_path", ""), ("file_sha256", ""), ("file_size__isnull", True)),
                            _connector="OR",
                        ),
                        name="run_undo_has_no_file",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("undoes__isnull", True), ("undoes__lt", models.F("id")), _connector="OR"),
                        name="run_undoes_an_earlier",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("left_count", 0), ("status", "success"), ("undoes__isnull", False)),
                        fields=("undoes",),
                        name="run_undone_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Series",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(help_text="The name in URLs, for example mnq.", max_length=160, unique=True)),
                (
                    "symbol",
                    models.CharField(
                        db_collation="C",
                        help_text="The name in market_bars_ohlcv_1m, for example CME_MINI:MNQ1!.",
                        max_length=128,
                        unique=True,
                    ),
                ),
                ("name", models.CharField(blank=True, help_text="The name for people to read.", max_length=200)),
                ("vendor", models.CharField(default="databento", max_length=32)),
                (
                    "dataset",
                    models.CharField(
                        blank=True,
                        help_text="Only files of this dataset are loaded into the series, for example GLBX.MDP3. Empty: any dataset.",
                        max_length=32,
                    ),
                ),
                (
                    "vendor_symbols",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=128),
                        blank=True,
                        default=list,
                        help_text="A file of one of these symbols is loaded into this series. * matches any characters, ? one character, [FGH] one of several: MNQ.c.0, MNQ[HMUZ][0-9]. Separate symbols with commas.",
                        size=None,
                    ),
                ),
                (
                    "calendar",
                    models.CharField(
                        blank=True, help_text="The trading calendar, for example CME Globex Equity.", max_length=64
                    ),
                ),
                ("tick_size", models.DecimalField(blank=True, decimal_places=9, max_digits=20, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "verbose_name_plural": "series",
                "db_table": "market_series",
                "ordering": ["slug"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("slug", ""), _negated=True), name="series_slug_not_empty"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("symbol", ""), _negated=True), name="series_symbol_not_empty"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("tick_size__isnull", True), ("tick_size__gt", 0), _connector="OR"),
                        name="series_tick_size_positive",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BarRevision",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "symbol", "ts", "revised_by", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("symbol", models.CharField(db_collation="C", max_length=128)),
                ("ts", models.DateTimeField()),
                ("open", models.DecimalField(decimal_places=9, max_digits=20)),
                ("high", models.DecimalField(decimal_places=9, max_digits=20)),
                ("low", models.DecimalField(decimal_places=9, max_digits=20)),
                ("close", models.DecimalField(decimal_places=9, max_digits=20)),
                ("volume", models.DecimalField(decimal_places=0, max_digits=20)),
                ("created_at", models.DateTimeField(help_text="When the bar was first stored.")),
                ("revised_at", models.DateTimeField(db_default=django.contrib.postgres.functions.TransactionNow())),
                ("operation", models.CharField(choices=[("update", "Update"), ("delete", "Delete")], max_length=8)),
                (
                    "ingestion_run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        help_text="The run that loaded these values.",
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="marketdata.ingestrun",
                    ),
                ),
                (
                    "revised_by",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        help_text="The run that replaced them.",
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="revisions",
                        to="marketdata.ingestrun",
                    ),
                ),
            ],
            options={
                "db_table": "market_bar_revisions",
                "indexes": [
                    django.contrib.postgres.indexes.BrinIndex(
                        autosummarize=True, fields=["revised_by"], name="revision_revised_by_brin"
                    ),
                    django.contrib.postgres.indexes.BrinIndex(
                        autosummarize=True, fields=["ingestion_run"], name="revision_run_brin"
                    ),
                    models.Index(
                        condition=models.Q(("operation", "delete")), fields=["symbol", "ts"], name="revision_deleted"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("operation__in", ["update", "delete"])), name="revision_operation_known"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Bar",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "symbol", "ts", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("vendor", models.CharField(db_default="databento", default="databento", max_length=32)),
                ("schema", models.CharField(db_default="ohlcv-1m", default="ohlcv-1m", max_length=32)),
                ("symbol", models.CharField(db_collation="C", max_length=128)),
                ("ts", models.DateTimeField()),
                ("ts_ms", models.BigIntegerField(help_text="ts in milliseconds since 1970, for charts.")),
                ("open", models.DecimalField(decimal_places=9, max_digits=20)),
                ("high", models.DecimalField(decimal_places=9, max_digits=20)),
                ("low", models.DecimalField(decimal_places=9, max_digits=20)),
                ("close", models.DecimalField(decimal_places=9, max_digits=20)),
                ("volume", models.DecimalField(decimal_places=0, max_digits=20)),
                ("created_at", models.DateTimeField(db_default=django.contrib.postgres.functions.TransactionNow())),
                (
                    "ingestion_run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="bars",
                        to="marketdata.ingestrun",
                    ),
                ),
            ],
            options={
                "db_table": "market_bars_ohlcv_1m",
                "indexes": [
                    django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=["ts"], name="bar_ts_brin"),
                    django.contrib.postgres.indexes.BrinIndex(
                        autosummarize=True, fields=["ingestion_run"], name="bar_run_brin"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("high__gte", models.F("open")),
                            ("low__lte", models.F("open")),
                            ("high__gte", models.F("close")),
                            ("low__lte", models.F("close")),
                            ("high__gte", models.F("low")),
                        ),
                        name="bar_high_low_enclose",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.expressions.RawSQL(
                            "high < 'Infinity' AND low > '-Infinity'", (), output_field=models.BooleanField()
                        ),
                        name="bar_prices_finite",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.expressions.RawSQL(
                            "volume >= 0 AND volume < 'Infinity'", (), output_field=models.BooleanField()
                        ),
                        name="bar_volume_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.expressions.RawSQL(
                            "ts_ms %% 60000 = 0", (), output_field=models.BooleanField()
                        ),
                        name="bar_whole_minute",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.expressions.RawSQL(
                            "ts = to_timestamp(ts_ms / 1000)", (), output_field=models.BooleanField()
                        ),
                        name="bar_ts_ms_agrees",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ts__gte", datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                            ("ts__lt", datetime.datetime(2200, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                        ),
                        name="bar_ts_in_calendars",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SeriesInstrument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dataset", models.CharField(help_text="The vendor's dataset, for example GLBX.MDP3.", max_length=32)),
                ("publisher_id", models.IntegerField()),
                ("instrument_id", models.BigIntegerField()),
                ("start_date", models.DateField()),
                ("end_date", models.DateField(help_text="The first date after the interval.")),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="instruments",
                        to="marketdata.ingestrun",
                    ),
                ),
                (
                    "series",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="instruments",
                        to="marketdata.series",
                    ),
                ),
                (
                    "replaced_by",
                    models.ForeignKey(
                        blank=True,
                        help_text="The run that mapped these dates to another instrument. Empty: the interval is current.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_instruments",
                        to="marketdata.ingestrun",
                    ),
                ),
            ],
            options={
                "db_table": "market_series_instruments",
                "ordering": ["series", "start_date"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("start_date__lt", models.F("end_date"))), name="instrument_dates_in_order"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("replaced_by__isnull", True),
                            models.Q(("replaced_by", models.F("run")), _negated=True),
                            _connector="OR",
                        ),
                        name="instrument_replaced_by_another",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("replaced_by__isnull", True)),
                        fields=("series", "start_date", "dataset", "publisher_id", "instrument_id"),
                        name="instrument_interval_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BrowsableBar",
            fields=[
                ("symbol", models.CharField(max_length=128, primary_key=True, serialize=False)),
                ("ts", models.DateTimeField()),
                ("open", models.DecimalField(decimal_places=9, max_digits=20)),
                ("high", models.DecimalField(decimal_places=9, max_digits=20)),
                ("low", models.DecimalField(decimal_places=9, max_digits=20)),
                ("close", models.DecimalField(decimal_places=9, max_digits=20)),
                ("volume", models.DecimalField(decimal_places=0, max_digits=20)),
            ],
            options={
                "verbose_name": "bar",
                "db_table": "market_bars_ohlcv_1m",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="HourlyBar",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "symbol", "hour", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("symbol", models.CharField(db_collation="C", max_length=128)),
                ("hour", models.DateTimeField(help_text="The start of the hour, UTC.")),
                ("open", models.DecimalField(decimal_places=9, max_digits=20)),
                ("high", models.DecimalField(decimal_places=9, max_digits=20)),
                ("low", models.DecimalField(decimal_places=9, max_digits=20)),
                ("close", models.DecimalField(decimal_places=9, max_digits=20)),
                ("volume", models.DecimalField(decimal_places=0, max_digits=22)),
                ("minutes", models.BigIntegerField(help_text="Bit n is set if minute n has a bar.")),
                (
                    "bar_count",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.expressions.RawSQL("bit_count(minutes::bit(64))", ()),
                        output_field=models.BigIntegerField(),
                    ),
                ),
                (
                    "first_ts",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.expressions.RawSQL(
                            "(hour AT TIME ZONE 'UTC' + (60 - position(B'1' in (minutes & -minutes)::bit(60))) * interval '1 minute') AT TIME ZONE 'UTC'",
                            (),
                        ),
                        output_field=models.DateTimeField(),
                    ),
                ),
                (
                    "last_ts",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.expressions.RawSQL(
                            "(hour AT TIME ZONE 'UTC' + (60 - position(B'1' in minutes::bit(60))) * interval '1 minute') AT TIME ZONE 'UTC'",
                            (),
                        ),
                        output_field=models.DateTimeField(),
                    ),
                ),
            ],
            options={
                "db_table": "market_bars_ohlcv_1h",
                "constraints": [
                    models.CheckConstraint(
                        condition=django.db.models.expressions.RawSQL(
                            "hour = date_bin('1 hour', hour, '2000-01-01 00:00+00')",
                            (),
                            output_field=models.BooleanField(),
                        ),
                        name="hour_whole_hour",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("minutes__gt", 0), ("minutes__lt", 1152921504606846976)),
                        name="hour_minutes_in_hour",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("high__gte", models.F("open")),
                            ("low__lte", models.F("open")),
                            ("high__gte", models.F("close")),
                            ("low__lte", models.F("close")),
                            ("high__gte", models.F("low")),
                        ),
                        name="hour_high_low_enclose",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.expressions.RawSQL(
                            "high < 'Infinity' AND low > '-Infinity'", (), output_field=models.BooleanField()
                        ),
                        name="hour_prices_finite",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.expressions.RawSQL(
                            "volume >= 0 AND volume < 'Infinity'", (), output_field=models.BooleanField()
                        ),
                        name="hour_volume_not_negative",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SeriesCount",
            fields=[
                ("symbol", models.CharField(db_collation="C", max_length=128, primary_key=True, serialize=False)),
                ("bar_count", models.BigIntegerField()),
            ],
            options={
                "db_table": "market_series_counts",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("bar_count__gte", 0)), name="series_count_not_negative")
                ],
            },
        ),
        migrations.RunSQL(ADD_FOREIGN_KEY, migrations.RunSQL.noop),
        # Free space in each page for updated rows, so that the index entries need not change. Each statement that ends
        # within an hour updates that hour, and every statement updates a count.
        migrations.RunSQL("ALTER TABLE market_bars_ohlcv_1h SET (fillfactor = 80)", migrations.RunSQL.noop),
        migrations.RunSQL("ALTER TABLE market_series_counts SET (fillfactor = 10)", migrations.RunSQL.noop),
        migrations.RunPython(add_series, migrations.RunPython.noop),
        migrations.RunSQL(INSTALL, DROP),
    ]
