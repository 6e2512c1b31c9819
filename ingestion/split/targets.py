"""The rows of series before and after a split: new ones for contracts, and the emptied one, which is deleted."""

from __future__ import annotations

from collections.abc import Iterable

from ingestion.split.moves import load_series
from ingestion.split.plan import SeriesSplit
from ingestion.symbology.series import find_free_slug
from marketdata.models import Bar, BarRevision, Series, SeriesInstrument
from marketdata.series_calendars import propose_for_symbol


def create_targets(splits: Iterable[SeriesSplit]) -> set[str]:
    """Create the series of the contracts that do not exist yet, and return their symbols."""
    created = set()
    for split in splits:
        for target in split.targets:
            if not Series.objects.filter(symbol=target).exists():
                _create(split.series, target, split.columns[target])
                created.add(target)
    return created


def delete_emptied(splits: Iterable[SeriesSplit]) -> None:
    """Delete the series from which everything has moved: its address then leads to the contracts."""
    for split in splits:
        if not split.keeps_dates and _is_unused(split.symbol):
            Series.objects.filter(pk=split.series.pk).delete()


def restore_series(fields: dict) -> Series:
    """Create a deleted series again with its former fields.

    If another series has its number or its slug now, it gets new ones. One that exists again under the symbol is kept.
    """
    stored = Series.objects.filter(symbol=fields["symbol"]).first()
    if stored is not None:
        return stored
    series = load_series(fields)
    created_at = series.created_at
    if Series.objects.filter(pk=series.pk).exists():
        series.pk = None
    if Series.objects.filter(slug__iexact=series.slug).exists():
        series.slug = find_free_slug(series.symbol)
    series.save(force_insert=True)
    Series.objects.filter(pk=series.pk).update(created_at=created_at)  # saving a new row sets it to now
    return series


def delete_unused(symbols: Iterable[str]) -> None:
    """Delete the series that a split had created, unless they have bars, or vendor symbols from an operator."""
    for symbol in symbols:
        if _is_unused(symbol):
            Series.objects.filter(symbol=symbol, vendor_symbols=[]).delete()


def _is_unused(symbol: str) -> bool:
    return not (
        Bar.objects.filter(symbol=symbol).exists()
        or BarRevision.objects.filter(symbol=symbol).exists()
        or SeriesInstrument.objects.filter(series__symbol=symbol).exists()
    )


def _create(source: Series, symbol: str, columns: object) -> None:
    Series.objects.create(
        slug=find_free_slug(symbol),
        symbol=symbol,
        name=source.name,
        vendor=source.vendor,
        dataset=source.dataset,
        calendar=source.calendar or propose_for_symbol(symbol, source.dataset).calendar,
        tick_size=source.tick_size,
        **dict(columns),  # type: ignore[call-overload]  # the columns are of the model
    )
