"""Corrected bars change their hours by differences, and find room in the pages of the table."""

from django.db import migrations

from marketdata.migrations._functions_0014 import INSTALL, UNINSTALL

# A tenth of each new page stays free. A corrected bar then stays in its page, and no index gets another entry (HOT).
# Pages that exist keep their rows. The lock does not stop readers or writers.
RESERVE_ROOM = "ALTER TABLE market_bars_ohlcv_1m SET (fillfactor = 90)"
RESERVE_NO_ROOM = "ALTER TABLE market_bars_ohlcv_1m RESET (fillfactor)"


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0013_jobs"),
    ]

    operations = [
        migrations.RunSQL(INSTALL, UNINSTALL),
        migrations.RunSQL(RESERVE_ROOM, RESERVE_NO_ROOM),
    ]
