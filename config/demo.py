"""`make demo`: the project's main job on a generated file. `make demo-reset` takes the file's bars out again.

Each step is a command that a user could type; it is shown before it runs. Invented prices must never reach a table
that somebody trusts, so DATABASE_URL is disregarded: the demo runs on the database that comes with the project.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = "var/demo/mnq-sample.dbn.zst"
os.environ["DATABASE_URL"] = ""
# One server for all the steps, instead of a start and a stop for each.
ENVIRONMENT = os.environ | {"EMBEDDED_PG_KEEP": "1"}


def main() -> int:
    if "--reset" in sys.argv:
        return _reset()
    try:
        for arguments in (
            ["migrate", "--verbosity", "0"],
            ["make_sample_dbn", SAMPLE],
            ["ingest_dbn", "--input", SAMPLE],
            ["ingest_dbn", "--input", SAMPLE],
        ):
            _manage(arguments)
        _show_stats()
    except subprocess.CalledProcessError as error:
        return error.returncode
    print(NEXT)  # noqa: T201
    return 0


def _manage(arguments: list[str]) -> None:
    _say(f"\n$ .venv/bin/python manage.py {shlex.join(arguments)}")
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=ENVIRONMENT, check=True)


def _show_stats() -> None:
    """What the endpoint answers, through the whole of Django but without a server to start and stop."""
    _say("\n$ curl -s http://localhost:8000/api/market-data/mnq/ohlcv-1m/stats | python3 -m json.tool")
    _set_up_django()
    from django.test import Client

    body = Client(headers={"host": "localhost"}).get("/api/market-data/mnq/ohlcv-1m/stats").json()
    _say(json.dumps(body, indent=4))


def _reset() -> int:
    """Remove the sample's bars and what was noted of its instruments. The runs stay: the audit trail loses nothing."""
    _set_up_django()
    from django.db import transaction

    from marketdata.models import Bar, BarRevision, IngestRun, SeriesInstrument

    runs = IngestRun.objects.filter(file_path=str(ROOT / SAMPLE))
    with transaction.atomic():
        bars, _ = Bar.objects.filter(ingestion_run__in=runs).delete()
        BarRevision.objects.filter(revised_by__in=runs).delete()
        SeriesInstrument.objects.filter(run__in=runs).delete()
    _say(f"Removed {bars:,} invented bars.")
    return 0


def _set_up_django() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    sys.path.insert(0, str(ROOT))
    import django

    django.setup()


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


NEXT = """
Next:
  .venv/bin/python manage.py createsuperuser     make yourself a login
  .venv/bin/python manage.py runserver           then open
      http://localhost:8000/                     the series and the last runs
      http://localhost:8000/admin/               the admin: runs, series
  .venv/bin/python manage.py ingest_dbn --input FILE.dbn.zst
                                                 load a file of your own (--help shows examples)
  make demo-reset                                take the invented bars out first, if it is MNQ
"""

if __name__ == "__main__":
    sys.exit(main())
