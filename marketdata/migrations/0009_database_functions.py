"""Functions that an ordinary owner of the database can create, and the kind of each run.

Earlier functions had the clause SET barkeep.keeps_hours, which only a superuser may use.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from marketdata.migrations import _functions_0008
from marketdata.migrations._functions_0009 import DROP, DROP_EARLIER, INSTALL

FILL_KIND = "UPDATE data_ingest_runs SET kind = 'undo' WHERE undoes_id IS NOT NULL"


class Migration(migrations.Migration):
    dependencies = [
        # Django maps it to the squashed migration where that one is applied.
        ("marketdata", "0008_bars_in_calendars"),
    ]

    operations = [
        migrations.AddField(
            model_name="ingestrun",
            name="kind",
            field=models.CharField(
                choices=[("file", "File"), ("undo", "Undo")],
                db_default="file",
                default="file",
                help_text="What the run does.",
                max_length=16,
            ),
        ),
        migrations.RunSQL(FILL_KIND, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="bar",
            name="ts_ms",
            field=models.BigIntegerField(help_text="ts in milliseconds since 1970, for charts."),
        ),
        migrations.AlterField(
            model_name="barrevision",
            name="ingestion_run",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                help_text="The run that loaded these values.",
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="marketdata.ingestrun",
            ),
        ),
        migrations.AlterField(
            model_name="hourlybar",
            name="minutes",
            field=models.BigIntegerField(help_text="Bit n is set if minute n has a bar."),
        ),
        migrations.AlterField(
            model_name="ingestrun",
            name="changed_count",
            field=models.BigIntegerField(default=0, help_text="Stored bars that got new values."),
        ),
        migrations.AlterField(
            model_name="ingestrun",
            name="dataset",
            field=models.CharField(
                blank=True, help_text="The name in the audit trail, for example mnq_ohlcv_1m.", max_length=200
            ),
        ),
        migrations.AlterField(
            model_name="ingestrun",
            name="duplicate_count",
            field=models.BigIntegerField(default=0, help_text="Rows that repeat an earlier row of the file."),
        ),
        migrations.AlterField(
            model_name="ingestrun",
            name="file_name",
            field=models.CharField(help_text="For an undo, the file of the undone run.", max_length=255),
        ),
        migrations.AlterField(
            model_name="ingestrun",
            name="file_path",
            field=models.TextField(help_text="The path of the file, for retrying a failed run."),
        ),
        migrations.AlterField(
            model_name="ingestrun",
            name="gap_count",
            field=models.BigIntegerField(default=0, help_text="Gaps: places where minutes are missing."),
        ),
        migrations.AlterField(
            model_name="ingestrun",
            name="left_count",
            field=models.BigIntegerField(
                db_default=0, default=0, help_text="Bars that an undo skipped because a later run had changed them."
            ),
        ),
        migrations.AlterField(
            model_name="ingestrun",
            name="removed_count",
            field=models.BigIntegerField(default=0, help_text="Bars deleted because their instrument was replaced."),
        ),
        migrations.AlterField(
            model_name="ingestrun",
            name="row_count",
            field=models.BigIntegerField(default=0, help_text="Rows of the file that were loaded."),
        ),
        migrations.AlterField(
            model_name="ingestrun",
            name="symbols",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=128),
                blank=True,
                default=list,
                help_text="The symbols of the series that the run writes.",
                size=None,
            ),
        ),
        migrations.AlterField(
            model_name="ingestrun",
            name="undoes",
            field=models.ForeignKey(
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
        migrations.AlterField(
            model_name="ingestrun",
            name="updated_count",
            field=models.BigIntegerField(default=0, help_text="Bars that were already stored."),
        ),
        migrations.AlterField(
            model_name="ingestrun",
            name="vendor_dataset",
            field=models.CharField(blank=True, help_text="The vendor's name, for example GLBX.MDP3.", max_length=32),
        ),
        migrations.AlterField(
            model_name="series",
            name="calendar",
            field=models.CharField(
                blank=True, help_text="The trading calendar, for example CME Globex Equity.", max_length=64
            ),
        ),
        migrations.AlterField(
            model_name="series",
            name="dataset",
            field=models.CharField(
                blank=True,
                help_text="Only files of this dataset are loaded into the series, for example GLBX.MDP3. Empty: any dataset.",
                max_length=32,
            ),
        ),
        migrations.AlterField(
            model_name="series",
            name="name",
            field=models.CharField(blank=True, help_text="The name for people to read.", max_length=200),
        ),
        migrations.AlterField(
            model_name="series",
            name="slug",
            field=models.SlugField(help_text="The name in URLs, for example mnq.", max_length=160, unique=True),
        ),
        migrations.AlterField(
            model_name="series",
            name="symbol",
            field=models.CharField(
                db_collation="C",
                help_text="The name in market_bars_ohlcv_1m, for example CME_MINI:MNQ1!.",
                max_length=128,
                unique=True,
            ),
        ),
        migrations.AlterField(
            model_name="series",
            name="vendor_symbols",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=128),
                blank=True,
                default=list,
                help_text="A file of one of these symbols is loaded into this series. * matches any characters, ? one character, [FGH] one of several: MNQ.c.0, MNQ[HMUZ][0-9]. Separate symbols with commas.",
                size=None,
            ),
        ),
        migrations.AlterField(
            model_name="seriesinstrument",
            name="dataset",
            field=models.CharField(help_text="The vendor's dataset, for example GLBX.MDP3.", max_length=32),
        ),
        migrations.AlterField(
            model_name="seriesinstrument",
            name="end_date",
            field=models.DateField(help_text="The first date after the interval."),
        ),
        migrations.AlterField(
            model_name="seriesinstrument",
            name="replaced_by",
            field=models.ForeignKey(
                blank=True,
                help_text="The run that mapped these dates to another instrument. Empty: the interval is current.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="replaced_instruments",
                to="marketdata.ingestrun",
            ),
        ),
        migrations.AddConstraint(
            model_name="ingestrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["file", "undo"])), name="run_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="ingestrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "undo"), ("undoes__isnull", False)),
                    models.Q(models.Q(("kind", "undo"), _negated=True), ("undoes__isnull", True)),
                    _connector="OR",
                ),
                name="run_kind_undo_iff_undoes",
            ),
        ),
        migrations.RunSQL(DROP_EARLIER, migrations.RunSQL.noop),
        migrations.RunSQL(INSTALL, DROP + _functions_0008.INSTALL),
    ]
