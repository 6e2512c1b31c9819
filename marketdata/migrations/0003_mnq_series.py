"""The series that every installation starts with: Micro E-mini Nasdaq-100 futures, continuous."""

from django.db import migrations

MNQ = {
    "slug": "mnq",
    "symbol": "CME_MINI:MNQ1!",
    "name": "Micro E-mini Nasdaq-100 futures, continuous",
    "vendor": "databento",
    "dataset": "GLBX.MDP3",
    # The front contract by calendar, volume and open interest, and single outright contracts (month letter and year).
    # This list does not prevent mixing them: the dated instruments of the series do.
    "vendor_symbols": [
        "MNQ.c.0",
        "MNQ.v.0",
        "MNQ.n.0",
        "MNQ[FGHJKMNQUVXZ][0-9]",
        "MNQ[FGHJKMNQUVXZ][0-9][0-9]",
    ],
    "calendar": "CME Globex Equity",
    "tick_size": "0.25",
}


def add_series(apps, schema_editor):
    apps.get_model("marketdata", "Series").objects.get_or_create(slug=MNQ["slug"], defaults=MNQ)


class Migration(migrations.Migration):
    dependencies = [("marketdata", "0002_run_integrity")]

    operations = [migrations.RunPython(add_series, migrations.RunPython.noop)]
