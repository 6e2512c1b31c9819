"""Reads bars of one series from the lake, as the table of bars would return them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from marketdata.bars.export import EXPORT_COLUMNS
from marketdata.bars.query import BarRow
from marketdata.bars.tables import PRICES
from marketdata.formatting import format_price
from marketdata.lake.columns import make_schema
from marketdata.lake.errors import LakeError
from marketdata.lake.manifest import LakeFile, Manifest, require_manifest
from marketdata.lake.store import Store
from marketdata.models import Series
from marketdata.models.bar import EARLIEST, LATEST

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetFile, RowGroupMetaData


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LakeReader:
    """Reads one state of the lake: the one that its manifest had at the first read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest. Raises `LakeError` if there is none."""
        return require_manifest(self._store)

    def iterate_tables(
        self, symbol: str, *, start: datetime | None = None, end: datetime | None = None, descending: bool = False
    ) -> Iterator[pyarrow.Table]:
        """The bars of a symbol in [start, end), UTC, with all columns of the table of bars.

        The tables are not empty. They come in time order, or the reverse with `descending`; the rows of each are in
        time order. Only row groups that may have such bars are read. Raises `LakeError` if a file is missing or
        damaged.
        """
        first, stop = (_to_ms(moment) for moment in (start or EARLIEST, end or LATEST))
        for file in sorted(self._find_files(symbol), key=lambda file: file.year, reverse=descending):
            if not _year_overlaps(file.year, start, end):
                continue
            yield from self._read_file(file, symbol, first, stop, descending=descending)

    def export_blocks(self, series: Series, *, start: datetime | None, end: datetime | None) -> Iterator[pyarrow.Table]:
        """What `marketdata.bars.export.export_blocks` returns for all hours with exact prices."""
        found = False
        for table in self.iterate_tables(series.symbol, start=start, end=end):
            found = True
            yield _to_export(table)
        if not found:
            yield _to_export(_make_empty())

    def read_bar_page(
        self,
        series: Series,
        *,
        start: datetime | None,
        end: datetime | None,
        after: datetime | None,
        descending: bool,
        limit: int,
    ) -> tuple[list[BarRow], datetime | None]:
        """What `marketdata.bars.query.read_bar_page` returns for all hours."""
        if after is not None:
            start, end = (start, min(end or after, after)) if descending else (max(start or after, after), end)
        found: list[BarRow] = []
        for table in self.iterate_tables(series.symbol, start=start, end=end, descending=descending):
            table = table.slice(max(len(table) - limit - 2, 0)) if descending else table.slice(0, limit + 2)
            rows = [row for row in _to_rows(table) if row.ts != after]
            found += rows[::-1] if descending else rows
            if len(found) > limit:
                break
        return found[:limit], found[limit - 1].ts if len(found) > limit else None

    def _find_files(self, symbol: str) -> list[LakeFile]:
        return [file for file in self.manifest.files if symbol in file.symbols]

    def _read_file(
        self, file: LakeFile, symbol: str, first: int, stop: int, *, descending: bool
    ) -> Iterator[pyarrow.Table]:
        from pyarrow import ArrowInvalid, compute, parquet

        try:
            with self._store.open(file.path) as opened, parquet.ParquetFile(opened) as found:
                groups = _find_groups(found, symbol, first, stop)
                for number in reversed(groups) if descending else groups:
                    table = found.read_row_group(number, use_threads=False)
                    ts_ms = table["ts_ms"]
                    in_range = compute.and_(compute.greater_equal(ts_ms, first), compute.less(ts_ms, stop))
                    table = table.filter(compute.and_(compute.equal(table["symbol"], symbol), in_range))
                    if len(table):
                        yield table
        except FileNotFoundError as error:
            raise LakeError(
                f"{self._store.name}/{file.path} is missing: an export is replacing it, or it was deleted. Read again, "
                "or run export_lake."
            ) from error
        except (ArrowInvalid, OSError) as error:
            raise LakeError(
                f"{self._store.name}/{file.path} is damaged: run export_lake without --since-last."
            ) from error


def _find_groups(file: ParquetFile, symbol: str, first: int, stop: int) -> list[int]:
    """The row groups whose statistics allow bars of the symbol and the range."""
    metadata = file.metadata
    names = {metadata.schema.column(number).name: number for number in range(metadata.num_columns)}
    return [
        number
        for number in range(metadata.num_row_groups)
        if _overlaps(metadata.row_group(number), names["symbol"], symbol, symbol)
        and _overlaps(metadata.row_group(number), names["ts_ms"], first, stop - 1)
    ]


def _overlaps(group: RowGroupMetaData, column: int, lowest: Any, highest: Any) -> bool:
    statistics = group.column(column).statistics
    if statistics is None or not statistics.has_min_max:
        return True
    overlaps: bool = statistics.min <= highest and statistics.max >= lowest
    return overlaps


def _year_overlaps(year: int, start: datetime | None, end: datetime | None) -> bool:
    return (start is None or year >= _to_utc_year(start)) and (end is None or year <= _to_utc_year(end))


def _to_utc_year(moment: datetime) -> int:
    return moment.astimezone(UTC).year


def _to_ms(moment: datetime) -> int:
    """Milliseconds since 1970, rounded up: bars begin on full minutes."""
    return -((_EPOCH - moment) // timedelta(milliseconds=1))


def _to_export(table: pyarrow.Table) -> pyarrow.Table:
    import pyarrow

    columns = [table[name] for name in ("symbol", "ts", *PRICES)]
    columns += [table["volume"].cast(pyarrow.uint64()), table["ingestion_run_id"]]
    return pyarrow.table(columns, EXPORT_COLUMNS)


def _make_empty() -> pyarrow.Table:
    return make_schema().empty_table()


def _to_rows(table: pyarrow.Table) -> list[BarRow]:
    columns: list[list] = [[ts.astimezone(UTC) for ts in table["ts"].to_pylist()]]
    columns += [list(map(format_price, table[name].to_pylist())) for name in PRICES]
    columns += [table["volume"].to_pylist(), table["ingestion_run_id"].to_pylist()]
    return list(map(BarRow._make, zip(*columns, strict=True)))


def to_table_rows(table: pyarrow.Table) -> list[tuple]:
    """The rows as the table of bars has them: UTC times, exact decimals, whole numbers."""
    columns = [column.to_pylist() for column in table.columns]
    for number, name in enumerate(table.column_names):
        if name in ("ts", "created_at"):
            columns[number] = [moment.astimezone(UTC) for moment in columns[number]]
    return list(zip(*columns, strict=True))
