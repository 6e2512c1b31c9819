"""A batch: each file has its own run and transaction, and one that fails does not stop the others."""

import os
import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError

from config.testing.builders import day_file, ingest, stored
from marketdata.models import Bar, IngestRun


def test_each_file_has_its_own_run_and_a_bad_one_does_not_stop_the_others(market_db, tmp_path):
    for number in (1, 3):
        day_file(tmp_path / f"{number}.dbn", number)
    (tmp_path / "2.dbn").write_bytes(b"noise")

    with pytest.raises(CommandError, match=r"1 of 3 files failed\.") as refusal:
        ingest(tmp_path)

    assert refusal.value.returncode == 1
    runs = IngestRun.objects.order_by("pk")
    assert [(run.file_name, run.status) for run in runs] == [
        ("1.dbn", "success"),
        ("2.dbn", "failed"),
        ("3.dbn", "success"),
    ]
    assert Bar.objects.count() == 10


def test_a_name_that_is_not_utf8_does_not_stop_the_others(market_db, tmp_path):
    good = day_file(tmp_path / "good.dbn", 1)
    strange = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.dbn"))
    try:
        shutil.copy(good, strange)
    except OSError:
        pytest.skip("this file system allows no such names")

    with pytest.raises(CommandError, match="1 of 2 files failed"):
        ingest(strange, good)
    with pytest.raises(CommandError, match=r"udcff\.dbn' is not a name in UTF-8, so it cannot be stored"):
        ingest(strange)
    assert len(stored()) == 5
