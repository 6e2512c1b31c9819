"""Series of contracts, as a load creates them, with bars at chosen times."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from config.testing.rows import BARS, RUNS, insert
from marketdata.contracts.slugs import propose_slug
from marketdata.models import IngestRun, Series, SeriesInstrument


def create_contract(symbol: str, *minutes: str, raw_symbol: str = "", **columns: Any) -> Series:
    """A series with this symbol and a bar at each of `minutes`, UTC. `columns` are those of the contract."""
    series = Series.objects.create(**{"slug": propose_slug(symbol), "symbol": symbol, "dataset": "GLBX.MDP3"} | columns)
    run = IngestRun.objects.order_by("pk").first() or _create_run()
    for minute in minutes:
        insert(BARS, symbol=symbol, ts=f"{minute}+00", ts_ms=_to_ms(minute), ingestion_run_id=run.pk)
    if raw_symbol:
        day = date.fromisoformat(minutes[0][:10])
        SeriesInstrument.objects.create(
            series=series,
            dataset="GLBX.MDP3",
            publisher_id=1,
            instrument_id=series.pk,
            raw_symbol=raw_symbol,
            start_date=day,
            end_date=day.replace(year=day.year + 1),
            run=run,
        )
    return series


def create_nq_contracts() -> None:
    """NQH5 of 2015 and of 2025, NQM5 of 2025, their spread, and an option of ES."""
    outright: dict[str, Any] = {"kind": "outright", "root": "NQ", "contract_month": 3}
    create_contract(
        "NQH2015", "2014-06-02 14:30", "2015-03-20 13:29", raw_symbol="NQH5",
        **outright, contract_year=2015, last_date=date(2015, 3, 31),
    )  # fmt: skip
    create_contract(
        "NQH2025", "2024-06-03 14:30", "2025-03-21 13:29", raw_symbol="NQH5",
        **outright, contract_year=2025, last_date=date(2025, 3, 21), expiration_date=date(2025, 3, 21),
    )  # fmt: skip
    create_contract(
        "NQM2025", "2024-06-17 14:30",
        **outright | {"contract_month": 6}, contract_year=2025, last_date=date(2025, 6, 30),
    )  # fmt: skip
    create_contract(
        "NQH2025-NQM2025", "2024-06-17 14:30",
        **outright | {"kind": "spread"}, contract_year=2025, last_date=date(2025, 3, 31),
    )  # fmt: skip
    create_contract(
        "ESH2025 C5000",
        kind="option", root="ES", contract_month=3, contract_year=2025, last_date=date(2025, 3, 31),
    )  # fmt: skip


def _to_ms(minute: str) -> int:
    return int(datetime.fromisoformat(minute).replace(tzinfo=UTC).timestamp() * 1000)


def _create_run() -> IngestRun:
    insert(RUNS)
    return IngestRun.objects.get()
