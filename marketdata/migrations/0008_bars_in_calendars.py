"""A bar lies in the years that calendars cover, and an index finds the runs of a series by its symbol."""

import datetime

import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0007_ledger_in_any_session"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="ingestrun",
            index=django.contrib.postgres.indexes.GinIndex(fields=["symbols"], name="run_symbols_gin"),
        ),
        migrations.AddConstraint(
            model_name="bar",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ts__gte", datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                    ("ts__lt", datetime.datetime(2200, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                ),
                name="bar_ts_in_calendars",
            ),
        ),
    ]
