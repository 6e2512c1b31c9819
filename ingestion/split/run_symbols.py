"""The symbols of earlier runs follow their bars, so that each run can be undone, and is found by its series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date

from ingestion.split.moves import RecordedMove
from ingestion.split.plan import SeriesSplit
from ingestion.split.returns import Return
from marketdata.models import IngestRun

_BATCH = 500
_Dates = tuple[str, date | None, date | None]  # a symbol, its first date and the day after its last


def rename_in_runs(splits: Iterable[SeriesSplit]) -> dict[tuple[str, str], list[int]]:
    """Replace the symbols of split series in the runs that name them. A run gets each contract on whose dates it may
    have written bars, by its time range.

    Returns, by split series and contract, the runs that did not name the contract before.
    """
    dates = {split.symbol: _list_dates(split) for split in splits if split.moves}
    gained: dict[tuple[str, str], list[int]] = defaultdict(list)

    def rename(run: IngestRun) -> set[str]:
        symbols = set(run.symbols) - dates.keys()
        for symbol in dates.keys() & run.symbols:
            names = _select_symbols(run, dates[symbol])
            symbols |= names
            for name in names.difference(run.symbols):
                gained[symbol, name].append(run.pk)
        return symbols

    _rewrite(list(dates), rename)
    return gained


def restore_in_runs(split_id: int, moves: list[RecordedMove], returns: list[Return]) -> None:
    """Reverse `rename_in_runs`, also in runs that have been recorded since the split."""
    dates: dict[str, list[_Dates]] = defaultdict(list)
    for one in returns:
        dates[one.target].append((one.source, one.start, one.end))
    sources: dict[tuple[str, int], set[str]] = defaultdict(set)
    for move in moves:
        for run_id in move.runs:
            sources[move.target, run_id].add(move.source)
    new = {move.target for move in moves if move.is_new}

    def restore(run: IngestRun) -> set[str]:
        symbols = set(run.symbols) - dates.keys()
        for symbol in dates.keys() & run.symbols:
            if earlier := sources.get((symbol, run.pk)):
                symbols |= earlier
            elif symbol in new:
                symbols |= _select_symbols(run, dates[symbol])
            else:
                symbols.add(symbol)
                symbols |= _select_symbols(run, dates[symbol], otherwise=set()) if run.pk > split_id else set()
        return symbols

    _rewrite(list(dates), restore)


def _list_dates(split: SeriesSplit) -> list[_Dates]:
    """The dates of each contract, and those that stay in the series."""
    staying = [(part.name, part.start, part.end) for part in split.row_parts if part.name == split.symbol]
    return [*((move.target, move.start, move.end) for move in split.moves), *staying]


def _select_symbols(run: IngestRun, dates: list[_Dates], *, otherwise: set[str] | None = None) -> set[str]:
    """The symbols whose dates overlap with the run's time range; `otherwise`, by default all of them, without one."""
    first, last = run.min_ts or run.requested_start, run.max_ts or run.requested_end
    overlapping = {
        symbol
        for symbol, start, end in dates
        if (start is None or last is None or last.date() >= start)
        and (end is None or first is None or first.date() < end)
    }
    everything = {symbol for symbol, _, _ in dates}
    return overlapping or (everything if otherwise is None else otherwise)


def _rewrite(symbols: list[str], rename: Callable[[IngestRun], set[str]]) -> None:
    """Give new symbols to the runs that name one of these. Splits and their undos keep theirs: their moves name both
    sides."""
    runs = IngestRun.objects.filter(symbols__overlap=symbols, moves__isnull=True)
    fields = ("symbols", "min_ts", "max_ts", "requested_start", "requested_end")
    changed = []
    for run in runs.only(*fields).order_by("pk").iterator():
        run.symbols = sorted(rename(run))
        changed.append(run)
    IngestRun.objects.bulk_update(changed, ["symbols"], batch_size=_BATCH)
