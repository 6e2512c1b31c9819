"""The series that every installation starts with: Micro E-mini Nasdaq-100 futures, continuous."""

from django.db import migrations

from marketdata.migrations._series_0003 import add_series


class Migration(migrations.Migration):
    dependencies = [("marketdata", "0002_run_integrity")]

    operations = [migrations.RunPython(add_series, migrations.RunPython.noop)]
