"""The largest step that divides all prices of each series, from which its tick size is found."""

from django.db import migrations, models

# One read of all bars. The aggregate is temporary, so that the database has no function more than before.
FIND_STEPS = """
CREATE AGGREGATE pg_temp.find_step(numeric) (SFUNC = pg_catalog.gcd, STYPE = numeric, INITCOND = '0');
UPDATE market_series AS series
SET price_step = found.step
FROM (
    SELECT symbol,
        gcd(
            gcd(pg_temp.find_step(open), pg_temp.find_step(high)), gcd(pg_temp.find_step(low), pg_temp.find_step(close))
        ) AS step
    FROM market_bars_ohlcv_1m
    GROUP BY symbol
) AS found
WHERE series.symbol = found.symbol;
DROP AGGREGATE pg_temp.find_step(numeric);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0010_contracts"),
    ]

    operations = [
        migrations.AddField(
            model_name="series",
            name="price_step",
            field=models.DecimalField(
                decimal_places=9,
                editable=False,
                help_text="The largest step that divides all stored prices. Runs store it. 0 or empty: not known.",
                max_digits=20,
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="series",
            name="tick_size",
            field=models.DecimalField(
                blank=True,
                decimal_places=9,
                help_text="Empty: the one that is found from the bars.",
                max_digits=20,
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.CheckConstraint(
                condition=models.Q(("price_step__isnull", True), ("price_step__gte", 0), _connector="OR"),
                name="series_price_step_not_negative",
            ),
        ),
        migrations.RunSQL(FIND_STEPS, migrations.RunSQL.noop),
    ]
