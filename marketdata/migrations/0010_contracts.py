"""The contract of each series, the dates that a file maps, and runs that split a series into its contracts."""

import django.contrib.postgres.fields
import django.db.models.expressions
from django.db import migrations, models

# What earlier versions stored: continuous series, shares, and contracts under raw symbols, whose years are not known.
DESCRIBE_SERIES = r"""
UPDATE market_series
SET kind = 'continuous', root = substring(coalesce(vendor_symbols[1], symbol) from '^([^.]{1,32})\.[cvn]\.\d+$')
WHERE coalesce(vendor_symbols[1], symbol) ~ '^[^.]{1,32}\.[cvn]\.\d+$';

UPDATE market_series
SET kind = 'equity'
WHERE kind = 'other' AND split_part(dataset, '.', 1) IN (
    'ARCX', 'BATS', 'BATY', 'DBEQ', 'EDGA', 'EDGX', 'EPRL', 'EQUS', 'FINN', 'FINY', 'IEXG',
    'MEMX', 'XASE', 'XBOS', 'XCHI', 'XCIS', 'XNAS', 'XNYS', 'XPSX'
);

UPDATE market_series
SET is_settled = false,
    kind = CASE
        WHEN symbol ~ ' [CP]' THEN 'option'
        WHEN symbol ~ '[-:]' THEN 'spread'
        ELSE 'outright'
    END,
    root = coalesce(
        substring(symbol from '^([A-Z0-9]{1,8}):'),
        substring(symbol from '^([A-Z0-9]{1,8})[FGHJKMNQUVXZ]\d{1,2}(?!\d)'), ''
    ),
    contract_month = position(
        substring(symbol from '^[A-Z0-9]{1,8}([FGHJKMNQUVXZ])\d{1,2}(?!\d)') in 'FGHJKMNQUVXZ'
    )
WHERE kind = 'other' AND dataset = 'GLBX.MDP3' AND symbol !~ '^UD:'
    AND symbol ~ '^([A-Z0-9]{1,8}:|[A-Z0-9]{1,8}[FGHJKMNQUVXZ]\d{1,2}(-| [CP]|$))';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0009_database_functions"),
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
            model_name="ingestrun",
            name="run_kind_known",
        ),
        migrations.RemoveConstraint(
            model_name="seriesinstrument",
            name="instrument_interval_once",
        ),
        migrations.AddField(
            model_name="ingestrun",
            name="continue_symbol",
            field=models.BooleanField(db_default=False, default=False, help_text="--continue-symbol"),
        ),
        migrations.AddField(
            model_name="ingestrun",
            name="moves",
            field=models.JSONField(
                blank=True,
                help_text="What a split moved: a list of objects with the keys from, to, start, end and bars.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="ingestrun",
            name="remove_withdrawn",
            field=models.BooleanField(db_default=False, default=False, help_text="--remove-withdrawn"),
        ),
        migrations.AddField(
            model_name="ingestrun",
            name="requested_end",
            field=models.DateTimeField(blank=True, help_text="The end of the file's range, not included.", null=True),
        ),
        migrations.AddField(
            model_name="ingestrun",
            name="requested_start",
            field=models.DateTimeField(blank=True, help_text="The start of the file's range.", null=True),
        ),
        migrations.AddField(
            model_name="ingestrun",
            name="requested_symbols",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=128),
                blank=True,
                db_default=[],
                default=list,
                help_text="The symbols that the file's metadata requests, also those that it does not map.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="ingestrun",
            name="withdrawn_count",
            field=models.BigIntegerField(
                db_default=0,
                default=0,
                help_text="Stored bars of the file's dates and instruments that the file does not have.",
            ),
        ),
        migrations.AddField(
            model_name="series",
            name="activation_date",
            field=models.DateField(blank=True, help_text="From a definition file.", null=True),
        ),
        migrations.AddField(
            model_name="series",
            name="contract_month",
            field=models.SmallIntegerField(
                blank=True, help_text="The month of delivery, 1 to 12; of a spread, that of its first leg.", null=True
            ),
        ),
        migrations.AddField(
            model_name="series",
            name="contract_year",
            field=models.SmallIntegerField(
                blank=True, help_text="The year of delivery. Empty if it is not settled.", null=True
            ),
        ),
        migrations.AddField(
            model_name="series",
            name="expiration_date",
            field=models.DateField(blank=True, help_text="From a definition file.", null=True),
        ),
        migrations.AddField(
            model_name="series",
            name="is_settled",
            field=models.BooleanField(
                db_default=True,
                default=True,
                help_text="Whether the year is known. If not, a definition file settles it.",
            ),
        ),
        migrations.AddField(
            model_name="series",
            name="kind",
            field=models.CharField(
                choices=[
                    ("outright", "Outright"),
                    ("spread", "Spread"),
                    ("option", "Option"),
                    ("equity", "Equity"),
                    ("continuous", "Continuous"),
                    ("other", "Other"),
                ],
                db_default="other",
                default="other",
                help_text="What is traded.",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="series",
            name="last_date",
            field=models.DateField(
                blank=True,
                help_text="The last date on which the contract can trade. It is active until then. Empty: it does not expire.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="series",
            name="root",
            field=models.CharField(
                blank=True, db_collation="C", db_default="", help_text="The product, for example NQ.", max_length=32
            ),
        ),
        migrations.AddField(
            model_name="seriesinstrument",
            name="from_mapping",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="The dates are those of the file's mapping. Otherwise they are those of its bars.",
            ),
        ),
        migrations.AddField(
            model_name="seriesinstrument",
            name="raw_symbol",
            field=models.CharField(
                blank=True,
                db_collation="C",
                db_default="",
                help_text="The file's symbol of the instrument, for example NQH5. Empty if the file has none.",
                max_length=128,
            ),
        ),
        migrations.AlterField(
            model_name="ingestrun",
            name="kind",
            field=models.CharField(
                choices=[("file", "File"), ("undo", "Undo"), ("split", "Split")],
                db_default="file",
                default="file",
                help_text="What the run does.",
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="ingestrun",
            name="removed_count",
            field=models.BigIntegerField(
                default=0,
                help_text="Bars deleted because their instrument was replaced, or because the vendor withdrew them.",
            ),
        ),
        migrations.AddIndex(
            model_name="series",
            index=models.Index(fields=["root", "contract_year", "contract_month"], name="series_root"),
        ),
        migrations.AddIndex(
            model_name="seriesinstrument",
            index=models.Index(fields=["raw_symbol", "dataset", "instrument_id"], name="instrument_raw_symbol"),
        ),
        migrations.AddConstraint(
            model_name="ingestrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["file", "undo", "split"])), name="run_kind_known"
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
                    ("withdrawn_count__gte", 0),
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
                            models.Q(("kind", "split"), _negated=True),
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
                            ("duplicate_count", 0),
                            ("gap_count", 0),
                            ("inserted_count", 0),
                            ("kind", "split"),
                            ("left_count", 0),
                            ("removed_count", 0),
                            ("row_count", models.F("changed_count")),
                            ("status", "success"),
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
                    models.Q(("file_sha256", ""), ("kind__in", ["undo", "split"])),
                    ("file_sha256__regex", "^[0-9a-f]{64}$"),
                    _connector="OR",
                ),
                name="run_sha256_form",
            ),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["outright", "spread", "option", "equity", "continuous", "other"])),
                name="series_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("contract_month__isnull", True),
                    models.Q(("contract_month__gte", 1), ("contract_month__lte", 12)),
                    _connector="OR",
                ),
                name="series_month_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.CheckConstraint(
                condition=models.Q(("contract_year__isnull", True), ("contract_month__isnull", False), _connector="OR"),
                name="series_year_has_month",
            ),
        ),
        migrations.AddConstraint(
            model_name="seriesinstrument",
            constraint=models.UniqueConstraint(
                condition=models.Q(("from_mapping", False), ("replaced_by__isnull", True)),
                fields=("series", "start_date", "dataset", "publisher_id", "instrument_id"),
                name="instrument_interval_once",
            ),
        ),
        migrations.AddIndex(
            model_name="seriesinstrument",
            index=models.Index(
                condition=models.Q(("from_mapping", True)), fields=["series"], name="instrument_mapped_dates"
            ),
        ),
        migrations.RunSQL(DESCRIBE_SERIES, migrations.RunSQL.noop),
    ]
