"""`make demo`: ingest a file with invented prices twice. `make demo-reset`: undo that.

Each step is a command that a user can type; the demo prints it before it runs. It ignores DATABASE_URL and uses the
embedded PostgreSQL, so that invented prices never reach a production table.
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
STATS = "/api/market-data/mnq/ohlcv-1m/stats"
NEXT = """
Next:
  .venv/bin/python manage.py createsuperuser     create a login
  .venv/bin/python manage.py runserver           then open
      http://localhost:8000/                     the series and the last runs
      http://localhost:8000/admin/               the admin: runs, series
  .venv/bin/python manage.py db_worker           run what pages request: Try again, Undo
  .venv/bin/python manage.py ingest_dbn --input FILE.dbn.zst
                                                 load your own file (--help shows examples)
  make demo-reset                                before you load MNQ: undo the runs of the sample
"""


def main() -> int:
    os.environ["DATABASE_URL"] = ""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    sys.path.insert(0, str(ROOT))
    return _reset() if "--reset" in sys.argv else _demonstrate()


def remove_sample(path: Path) -> list[str]:
    """Undo each successful run of this file, newest first, as `manage.py undo_run` does. Returns messages for the user.

    The runs stay in the audit trail. Raises `IngestError` if the database cannot be used.
    """
    from ingestion.database import require_database
    from ingestion.errors import InputError
    from ingestion.undo.pipeline import undo_run
    from marketdata.models import IngestRun

    require_database()
    success = IngestRun.Status.SUCCESS
    runs = IngestRun.objects.filter(file_path=str(path), status=success).order_by("-pk")
    messages, removed = [], 0
    for run in runs.exclude(undone_by__status=success, undone_by__left_count=0):
        try:
            undo = undo_run(run_id=run.pk)
        except InputError as error:
            if run.inserted_count or run.changed_count or run.removed_count:  # the demo's second run changes nothing
                messages.append(str(error))
            continue
        removed += undo.run.removed_count
        messages.append(f"Run {run.pk} is undone by run {undo.run.pk}: {undo.run.removed_count:,} bars removed.")
        if undo.run.left_count:
            messages += undo.notes
    return [*messages, f"Removed {removed:,} invented bars."]


def _demonstrate() -> int:
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
    _print(NEXT)
    return 0


def _manage(arguments: list[str]) -> None:
    _print(f"\n$ .venv/bin/python manage.py {shlex.join(arguments)}")
    # The server keeps running between the steps: a start and a stop for each would take longer than the steps.
    environment = os.environ | {"EMBEDDED_PG_KEEP": "1"}
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=True)


def _show_stats() -> None:
    """Django's test client sends the request, so that no web server must start and stop."""
    _print(f"\n$ curl -s http://localhost:8000{STATS} | python3 -m json.tool")
    import django

    django.setup()
    from django.test import Client

    body = Client(headers={"host": "localhost"}).get(STATS).json()
    _print(json.dumps(body, indent=4))


def _reset() -> int:
    import django

    django.setup()
    from ingestion.errors import IngestError

    try:
        _print("\n".join(remove_sample(ROOT / SAMPLE)))
    except IngestError as error:
        _print(str(error))
        return 1
    return 0


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
