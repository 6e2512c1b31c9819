"""Yearly partitions of the bars, and the years that are archived in the lake.

Only an empty table gets partitions here. A table with bars stays whole until `manage.py partition_bars`.
"""

from django.db import migrations, models

from marketdata.migrations import _functions_0009, _functions_0014, _functions_0019
from marketdata.migrations._partitions_0019 import (
    ADD_YEARS,
    LET_EVERYONE_READ,
    MAKE_WHOLE,
    PARTITION_IF_EMPTY,
    REMOVE_FUNCTIONS,
)


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0018_alerts"),
    ]

    operations = [
        migrations.CreateModel(
            name="ArchivedYear",
            fields=[
                ("year", models.IntegerField(help_text="By ts in UTC.", primary_key=True, serialize=False)),
                ("lake", models.TextField(help_text="The folder or s3:// address of the lake that has the bars.")),
                ("lake_as_of", models.DateTimeField(help_text="The state of the lake that was verified.")),
                ("bar_count", models.BigIntegerField()),
                ("archived_at", models.DateTimeField()),
                (
                    "dropped_at",
                    models.DateTimeField(blank=True, help_text="When the detached table was dropped.", null=True),
                ),
            ],
            options={
                "db_table": "market_archived_years",
                "ordering": ["year"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("year__gte", 1900), ("year__lt", 2200)), name="archived_year_in_calendars"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("bar_count__gte", 0)), name="archived_year_count_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("lake", ""), _negated=True), name="archived_year_names_a_lake"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("dropped_at__isnull", True), ("dropped_at__gte", models.F("archived_at")), _connector="OR"
                        ),
                        name="archived_year_dropped_later",
                    ),
                ],
            },
        ),
        migrations.RunSQL(PARTITION_IF_EMPTY, [_functions_0009.INSTALL, _functions_0014.INSTALL, REMOVE_FUNCTIONS]),
        migrations.RunSQL(_functions_0019.INSTALL, MAKE_WHOLE),
        migrations.RunSQL(ADD_YEARS, migrations.RunSQL.noop),
        migrations.RunSQL(LET_EVERYONE_READ, migrations.RunSQL.noop),
    ]
