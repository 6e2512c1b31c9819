"""A real year of one continuous front series: few findings, all of them true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.conf import settings

from config.testing.builders import ingest
from config.testing.quality.bars import check_quality
from marketdata.models import IngestRun, QualityFinding

YEAR = Path(settings.BASE_DIR).parent / "shared/fixtures/nq-front-2018"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not YEAR.is_dir(), reason=f"NOT TESTED: there is no {YEAR}"),
]


def test_a_real_year_has_the_late_stamps_and_the_vendors_day(market_db):
    (file,) = YEAR.glob("*.dbn.zst")
    ingest(file)
    assert IngestRun.objects.get().vendor_conditions["days"] == {"2018-10-21": "degraded"}
    found = json.loads(check_quality(json=True).out)["findings"]
    by_kind = {kind: [one for one in found if one["kind"] == kind] for kind in {one["kind"] for one in found}}
    assert [one["start"][:10] for one in by_kind.pop("vendor_condition")] == ["2018-10-21"]
    late = by_kind.pop("outside_session")
    assert sum(one["value"] for one in late) == 98
    # 0.3 false findings per month, at most.
    assert sum(map(len, by_kind.values())) <= 3
    assert set(QualityFinding.objects.values_list("is_baseline", flat=True)) == {True}
    before = QualityFinding.objects.count()
    check_quality(json=True)
    assert QualityFinding.objects.count() == before
