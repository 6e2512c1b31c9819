"""The filters of the list of findings, as the address has them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest

from marketdata.models import QualityFinding
from marketdata.pages.filters import Select
from marketdata.quality.select import STATES, UNRESOLVED, FindingFilters
from marketdata.series import find_series

ALL = "all"


@dataclass(frozen=True)
class ListFilters:
    """`series`: the text of the search. `is_unknown`: it names no series."""

    series: str
    is_unknown: bool
    filters: FindingFilters
    selects: list[Select]

    @property
    def is_any_set(self) -> bool:
        """Whether something else than the unresolved findings is requested."""
        found = self.filters
        return bool(self.series or found.kind or found.severity or found.state != UNRESOLVED)


def read_list_filters(request: HttpRequest) -> ListFilters:
    """The filters of the address; unknown values are ignored. Without a state, what is not resolved."""
    slug = request.GET.get("series", "").replace("\0", "").strip()
    series = find_series(slug) if slug else None
    kind = _read(request, "kind", QualityFinding.Kind.values)
    severity = _read(request, "severity", QualityFinding.Severity.values)
    state = _read(request, "state", (*STATES, ALL)) or UNRESOLVED
    selects = [
        _build_select("state", "State", UNRESOLVED, (*QualityFinding.State.values, ALL), state),
        _build_select("severity", "Severity", "", QualityFinding.Severity.values, severity),
        _build_select("kind", "Kind", "", QualityFinding.Kind.values, kind),
    ]
    filters = FindingFilters(series=series, kind=kind, severity=severity, state="" if state == ALL else state)
    return ListFilters(slug, bool(slug) and series is None, filters, selects)


def _read(request: HttpRequest, name: str, values: Iterable[str]) -> str:
    value = request.GET.get(name, "")
    return value if value in values else ""


def _build_select(name: str, label: str, default: str, values: Iterable[str], selected: str) -> Select:
    """`default`: the value without a choice; empty: all."""
    return Select(name, label, default or "all", [(value, value == selected) for value in values])
