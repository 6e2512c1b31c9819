"""What a split does: which dates of a series go to which contract."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from django.db.backends.utils import CursorWrapper

from ingestion.dbn.text import to_printable
from ingestion.errors import InputError, MixedInstruments
from ingestion.loading.move import Move, MovedBars, find_moved_bars, find_shared_minute
from ingestion.symbology.contracts import describe_contract
from ingestion.symbology.stored_contracts import StoredContract, find_stored_contracts
from marketdata.models import Series
from marketdata.series import find_series, list_slugs


@dataclass(frozen=True)
class PlannedMove:
    """One contract of a series: its bars, and the columns of the series that it gets."""

    series: Series
    move: Move
    bars: MovedBars
    columns: dict[str, object]


def find_requested_series(slugs: Iterable[str]) -> list[Series]:
    """The series with these slugs; all series without one. Raises `InputError` for an unknown slug."""
    requested = list(slugs)
    if not requested:
        return list(Series.objects.filter(vendor_symbols=[]).order_by("symbol"))
    found = []
    for slug in requested:
        series = find_series(slug)
        if series is None:
            raise InputError(f"There is no series '{slug}'. Known: {', '.join(list_slugs()[:20])}.")
        found.append(series)
    return found


def plan_split(cursor: CursorWrapper, series: Series) -> list[PlannedMove]:
    """The moves that give each contract of the series its own name; empty if the names are right already.

    The dates between two contracts belong to the earlier one, so that every bar and every earlier value moves. Raises
    `MixedInstruments` if contracts overlap, or if a series of the name has a bar of the same minute.
    """
    contracts = find_stored_contracts(series)
    if not contracts or [contract.name for contract in contracts] == [series.symbol]:
        return []
    _refuse_overlaps(series, contracts)
    moves = []
    for number, contract in enumerate(contracts):
        if contract.name == series.symbol:
            continue
        start = contract.start if number else None
        end = contracts[number + 1].start if number + 1 < len(contracts) else None
        move = Move(series.symbol, contract.name, start, end)
        refuse_shared_minute(cursor, move)
        columns = describe_contract(contract.contract) if contract.contract else {}
        moves.append(PlannedMove(series, move, find_moved_bars(cursor, move), columns))
    return [planned for planned in moves if planned.bars.run_ids]


def refuse_shared_minute(cursor: CursorWrapper, move: Move) -> None:
    """Raise `MixedInstruments` if both series have a bar of one minute."""
    if shared := find_shared_minute(cursor, move):
        raise MixedInstruments(
            f"{to_printable(move.source)} and {to_printable(move.target)} both have a bar of {shared:%Y-%m-%d %H:%M} "
            "UTC, so the one cannot become the other: undo the run that stored the wrong one first.",
            symbol=move.source,
        )


def _refuse_overlaps(series: Series, contracts: list[StoredContract]) -> None:
    for one, other in pairwise(contracts):
        if other.start < one.end:
            raise MixedInstruments(
                f"The series {series.slug} has bars of {to_printable(one.name)} and {to_printable(other.name)} on "
                f"{other.start}, so its dates do not show which bar is of which: undo its runs, and load them again.",
                symbol=series.symbol,
            )
