"""Files of continuous MNQ contracts that roll, and the instrument intervals that the table has of them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import databento_dbn
import numpy as np

from config.testing.builders import FRONT, at, bars, header, write, zstd
from marketdata.models import SeriesInstrument

NEXT = FRONT + 1
MINUTES_PER_DAY = 1440


def january(day: int) -> date:
    return date(2024, 1, day)


def minutes(first: int, count: int, *, day: int, instrument_id: int = FRONT) -> np.ndarray:
    """`count` bars from minute `first` of a day of January 2024 on."""
    return bars(count, first=(day - 2) * MINUTES_PER_DAY + first, instrument_id=instrument_id)


def write_continuous(path: Path, *parts: np.ndarray, rule: str = "c", mappings: list | None = None) -> Path:
    """A file of MNQ.<rule>.0. `mappings`: (first day, day after the last, instrument); by default that of the first bar
    for the month."""
    records = np.concatenate(parts)
    symbol = f"MNQ.{rule}.0"
    mappings = mappings or [(january(1), date(2024, 2, 1), int(records["instrument_id"][0]))]
    return write(path, records, symbols=(symbol,), mappings={symbol: mappings})


def write_roll(path: Path, *, day: int, rule: str) -> Path:
    """2 to 4 January: FRONT before `day`, NEXT from its midnight on."""
    parts = [minutes(600, 5, day=each, instrument_id=FRONT if each < day else NEXT) for each in (2, 3, 4)]
    mappings = [(january(1), january(day), FRONT), (january(day), date(2024, 2, 1), NEXT)]
    return write_continuous(path, *parts, rule=rule, mappings=mappings)


def list_intervals(symbol: str = "CME_MINI:MNQ1!") -> list[tuple]:
    """(instrument, first day, day after the last, run) of each interval of a series, by date."""
    rows = SeriesInstrument.current.filter(series__symbol=symbol).order_by("start_date", "instrument_id")
    return list(rows.values_list("instrument_id", "start_date", "end_date", "run"))


def minutes_of(instrument_id: int, day: date, days: int) -> np.ndarray:
    """Five bars from midnight UTC on each of `days` days from `day` on."""
    first = (day - date(2024, 1, 2)).days * MINUTES_PER_DAY
    parts = [_bars_at(first + number * MINUTES_PER_DAY, instrument_id) for number in range(days)]
    return np.concatenate(parts)


def _bars_at(first: int, instrument_id: int) -> np.ndarray:
    records = bars(5, instrument_id=instrument_id)
    records["ts_event"] = [at(first + number) for number in range(5)]
    return records


def write_definitions(path: Path, *definitions: tuple[str, int, date | None, date | None], **changes: Any) -> Path:
    """A definition file. `definitions`: (raw symbol, instrument, activation, expiration)."""
    records = b"".join(bytes(_build_definition(*definition)) for definition in definitions)
    fields: dict[str, Any] = {"schema": "definition", "symbols": ("ALL_SYMBOLS",), "mappings": None}
    content = header(**(fields | changes)).encode() + records
    path.write_bytes(zstd(content) if path.name.endswith(".zst") else content)
    return path


def _build_definition(symbol: str, instrument_id: int, activation: date | None, expiration: date | None) -> Any:
    undefined = databento_dbn.UNDEF_TIMESTAMP
    return databento_dbn.InstrumentDefMsg(
        publisher_id=1,
        instrument_id=instrument_id,
        ts_event=at(0),
        ts_recv=at(0),
        min_price_increment=250_000_000,
        display_factor=10**9,
        raw_symbol=symbol,
        asset="",
        security_type="FUT",
        instrument_class=databento_dbn.InstrumentClass("F"),
        security_update_action=databento_dbn.SecurityUpdateAction("A"),
        activation=at(0, day=activation) if activation else undefined,
        expiration=at(14 * 60, day=expiration) if expiration else undefined,
    )
