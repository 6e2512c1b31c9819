"""The filters of the overview: text, kind and product, as the address has them, and the choices of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from marketdata.models import Series
from marketdata.series import filter_series, search_series

MAX_CHOICES = 200  # the search finds products too


@dataclass(frozen=True)
class Select:
    """A list to choose from: the parameter's name, its label, the text for no choice, and each value with whether it is
    selected."""

    name: str
    label: str
    none: str
    options: list[tuple[str, bool]]


@dataclass(frozen=True)
class Filters:
    """The selected values, each empty if none is, and the lists to choose from."""

    search: str
    kind: str
    product: str
    selects: list[Select]

    @property
    def is_any_set(self) -> bool:
        return bool(self.search or self.kind or self.product)

    def find_series(self) -> QuerySet[Series]:
        """The series that match."""
        today = timezone.now().date()
        return filter_series(search_series(self.search), today=today, product=self.product, kind=self.kind)


def read_filters(request: HttpRequest) -> Filters:
    """The filters in the request's address. An unknown kind is ignored."""
    texts = {name: request.GET.get(name, "").replace("\0", "").strip() for name in ("q", "kind", "product")}
    kind = texts["kind"] if texts["kind"] in Series.Kind.values else ""
    product = texts["product"].upper()
    pairs = Series.objects.order_by().values_list("kind", "root").distinct()
    selects = [
        _build_select("product", "Product", "All products", {root for _, root in pairs}, product),
        _build_select("kind", "Kind", "All kinds", {kind for kind, _ in pairs}, kind),
    ]
    return Filters(texts["q"], kind, product, [one for one in selects if 1 < len(one.options) <= MAX_CHOICES])


def _build_select(name: str, label: str, none: str, values: Iterable[str], selected: str) -> Select:
    return Select(name, label, none, [(value, value == selected) for value in sorted(values) if value])
