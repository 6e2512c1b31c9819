"""Contracts that are received by the subscription of a parent symbol, which is another series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from marketdata.contracts.symbols import Kind
from marketdata.models import Series

_GROUPS = {Kind.OUTRIGHT: "FUT", Kind.SPREAD: "FUT", Kind.OPTION: "OPT"}


def find_parents(series: Iterable[Series]) -> dict[int, list[int]]:
    """By the key of each contract the keys of the series that subscribe to its parent, such as MNQ.FUT for MNQH4.

    One query; none if no series is a contract.
    """
    symbols = {one.pk: (one.dataset, symbol) for one in series if (symbol := _get_parent_symbol(one))}
    if not symbols:
        return {}
    keys = defaultdict(list)
    rows = Series.objects.filter(
        feed_stype=Series.Stype.PARENT, feed_symbol__in={symbol for _, symbol in symbols.values()}
    )
    for key, *where in rows.values_list("pk", "dataset", "feed_symbol"):
        keys[tuple(where)].append(key)
    return {key: keys[where] for key, where in symbols.items() if where in keys}


def _get_parent_symbol(series: Series) -> str:
    group = _GROUPS.get(Kind(series.kind)) if series.kind and series.root else None
    return f"{series.root}.{group}" if group else ""
