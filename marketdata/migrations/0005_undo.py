"""A run can be undone. The undo is a run, too. Replaced intervals stay in the table, so that an undo can restore them."""

import django.db.models.deletion
import django.db.models.expressions
from django.core.management.base import CommandError
from django.db import migrations, models

ADD_FOREIGN_KEY = """
ALTER TABLE data_ingest_runs
    ADD CONSTRAINT run_undoes_a_run FOREIGN KEY (undoes_id) REFERENCES data_ingest_runs (id)
"""
DROP_FOREIGN_KEY = "ALTER TABLE data_ingest_runs DROP CONSTRAINT run_undoes_a_run"


def refuse_undos(apps, schema_editor):
    """Reversing would make an undo a load, and a replaced interval a current one."""
    undos = apps.get_model("marketdata", "IngestRun").objects.filter(undoes__isnull=False)
    replaced = apps.get_model("marketdata", "SeriesInstrument").objects.filter(replaced_by__isnull=False)
    if undos.exists() or replaced.exists():
        raise CommandError(
            "Migration 0005_undo cannot be reversed: undos or replaced instruments are stored. Run `migrate` to return "
            "to the newest schema."
        )


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0004_browsable_bar"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="ingestrun",
            name="run_counts_not_negative",
        ),
        migrations.RemoveConstraint(
            model_name="ingestrun",
            name="run_counts_add_up",
        ),
        migrations.RemoveConstraint(
            model_name="ingestrun",
            name="run_sha256_form",
        ),
        migrations.RemoveConstraint(
            model_name="seriesinstrument",
            name="instrument_interval_once",
        ),
        migrations.AddField(
            model_name="ingestrun",
            name="left_count",
            field=models.BigIntegerField(
                db_default=0, default=0, help_text="Bars that an undo left, since a later run had changed them."
            ),
        ),
        migrations.AddField(
            model_name="ingestrun",
            name="undoes",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                help_text="The run that this one takes back; empty for one that brings a file.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="undone_by",
                to="marketdata.ingestrun",
            ),
        ),
        migrations.AddField(
            model_name="seriesinstrument",
            name="replaced_by",
            field=models.ForeignKey(
                blank=True,
                help_text="The run that put another instrument behind these days since. Empty: it stands.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="replaced_instruments",
                to="marketdata.ingestrun",
            ),
        ),
        migrations.AlterField(
            model_name="ingestrun",
            name="file_name",
            field=models.CharField(help_text="For an undo, that of the undone run.", max_length=255),
        ),
        migrations.AddIndex(
            model_name="barrevision",
            index=models.Index(
                condition=models.Q(("operation", "delete")), fields=["symbol", "ts"], name="revision_deleted"
            ),
        ),
        migrations.AddConstraint(
            model_name="ingestrun",
            constraint=models.CheckConstraint(
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
        ),
        migrations.AddConstraint(
            model_name="ingestrun",
            constraint=models.CheckConstraint(
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
        ),
        migrations.AddConstraint(
            model_name="ingestrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("file_sha256", ""), ("status__in", ["running", "failed"])),
                    models.Q(("file_sha256", ""), ("undoes__isnull", False)),
                    ("file_sha256__regex", "^[0-9a-f]{64}$"),
                    _connector="OR",
                ),
                name="run_sha256_form",
            ),
        ),
        migrations.AddConstraint(
            model_name="ingestrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("undoes__isnull", True),
                    models.Q(("file_path", ""), ("file_sha256", ""), ("file_size__isnull", True)),
                    _connector="OR",
                ),
                name="run_undo_has_no_file",
            ),
        ),
        migrations.AddConstraint(
            model_name="ingestrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("undoes__isnull", True), ("undoes__lt", models.F("id")), _connector="OR"),
                name="run_undoes_an_earlier",
            ),
        ),
        migrations.AddConstraint(
            model_name="ingestrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("left_count", 0), ("status", "success"), ("undoes__isnull", False)),
                fields=("undoes",),
                name="run_undone_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="seriesinstrument",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("replaced_by__isnull", True),
                    models.Q(("replaced_by", models.F("run")), _negated=True),
                    _connector="OR",
                ),
                name="instrument_replaced_by_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="seriesinstrument",
            constraint=models.UniqueConstraint(
                condition=models.Q(("replaced_by__isnull", True)),
                fields=("series", "start_date", "dataset", "publisher_id", "instrument_id"),
                name="instrument_interval_once",
            ),
        ),
        migrations.RunSQL(sql=ADD_FOREIGN_KEY, reverse_sql=DROP_FOREIGN_KEY),
        migrations.RunPython(migrations.RunPython.noop, refuse_undos),
    ]
