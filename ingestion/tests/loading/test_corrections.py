"""Files that correct stored bars: rollup and step stay right, and bars that moved meanwhile are not overwritten."""

import numpy as np
import pytest
from django.db import connection

from config.testing.builders import bars, exact, ingest, several, stored, undo_run, write
from config.testing.rollup import assert_rollup_matches
from config.testing.rows import execute
from ingestion.errors import DatabaseFailure
from ingestion.pipeline import ingest_file
from marketdata.models import BarRevision, IngestRun
from marketdata.rollup.verify import verify_candles

UPDATE = "UPDATE market_bars_ohlcv_1m SET {} WHERE ts_ms / 60000 %% 5 = 2"


def change(records: np.ndarray, *, every: int, by: int) -> np.ndarray:
    """Other prices for every so many bars: `by` dollars higher at the top, and as much lower at the bottom if even."""
    changed = records.copy()
    some = slice(by % every, None, every)
    changed["high"][some] = np.maximum(changed["open"], changed["close"])[some] + max(by, 0) * 10**9
    changed["low"][some] = np.minimum(changed["open"], changed["close"])[some] - by % 2 * 10**9
    changed["volume"][some] += 3
    return changed


def assert_all_matches() -> None:
    assert_rollup_matches()
    assert not any(verdict.difference_count for verdict in verify_candles())


def test_the_rollup_follows_any_mix_of_loads_undos_and_sql(market_db, tmp_path):
    parts = {symbol: bars(250, first=50 * number, instrument_id=number) for number, symbol in enumerate("ABC", start=1)}

    def load(name: str, **changed: np.ndarray) -> int:
        ingest(several(tmp_path / name, parts | changed))
        assert_all_matches()
        return IngestRun.objects.latest("pk").pk

    load("fresh.dbn")
    all_changed = {symbol: change(part, every=3, by=4) for symbol, part in parts.items()}
    second = load("wider.dbn", **all_changed)
    third = load("narrower.dbn", B=change(parts["B"], every=2, by=0))
    execute(UPDATE.format("high = high + 5, volume = volume + 1"))
    assert_all_matches()
    load("more.dbn", A=bars(400, instrument_id=1), C=change(parts["C"], every=7, by=5))
    for run_id in (third, second):
        undo_run(run_id)
        assert_all_matches()
    execute(UPDATE.format("low = low - 9, open = low"))
    assert_all_matches()
    load("again.dbn", **all_changed)


@pytest.mark.parametrize("count", [1, 100])
def test_bars_that_have_moved_since_the_comparison_are_not_overwritten(market_db, tmp_path, count):
    """The statements find bars by their place. A program that ignores the locks has changed the bars meanwhile."""
    old = bars(100)
    ingest(write(tmp_path / "old.dbn", old))
    new = old.copy()
    new["volume"][:count] += 1
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION change_even() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN UPDATE market_bars_ohlcv_1m SET volume = 7 WHERE ts_ms / 60000 % 2 = 0; RETURN NULL; END $$;
            CREATE TRIGGER change_even AFTER INSERT ON market_bar_revisions EXECUTE FUNCTION change_even()
        """)
    try:
        with pytest.raises(DatabaseFailure, match="Another program changed the table while it was written"):
            ingest_file(path=write(tmp_path / "new.dbn", new))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION change_even() CASCADE")
    assert stored() == exact(old)
    assert not BarRevision.objects.exists()
    assert_all_matches()
