"""One lake for all tests of a module: starting Spark and exporting are slow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from config.testing.database.fixtures import open_market_db
from marketdata.candles.periods import TIMEFRAMES
from marketdata.models import Series
from marketdata.tests.lake.conftest import Lake
from marketdata.tests.lake.invented import list_own, list_symbols, store_candle_bars
from spark_jobs.tests.lakes import MonthRow, damage_lake, list_months, store_quality_bars
from spark_jobs.tests.spark import require_spark


@dataclass(frozen=True)
class CandleLake:
    """A lake, and what this project computes from the same bars: candles by symbol and timeframe, and months."""

    lake: Lake
    candles: dict[tuple[str, str], list[tuple]]
    months: list[MonthRow]


@pytest.fixture(scope="module")
def candle_lake(django_db_setup, django_db_blocker, tmp_path_factory) -> CandleLake:
    require_spark()
    # Spark's readers must not understand the brackets as a pattern.
    lake = Lake(tmp_path_factory.mktemp("candles") / "lake [1] {a}*")
    with open_market_db(django_db_blocker):
        store_candle_bars()
        lake.export()
        series = list(Series.objects.filter(symbol__in=list_symbols()))
        candles = {(one.symbol, name): list_own(one, name) for one in series for name in TIMEFRAMES}
        return CandleLake(lake, candles, list_months())


@pytest.fixture(scope="module")
def quality_lake(django_db_setup, django_db_blocker, tmp_path_factory) -> Lake:
    require_spark()
    lake = Lake(tmp_path_factory.mktemp("quality") / "lake")
    with open_market_db(django_db_blocker):
        store_quality_bars()
        lake.export()
    damage_lake(lake.folder)
    return lake


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "a result"
