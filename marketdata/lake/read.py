"""Reads bars of one symbol from the lake, with the columns of the table of bars."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from marketdata.lake.columns import COLUMNS
from marketdata.lake.errors import LakeError, MissingFile
from marketdata.lake.manifest import LakeFile, Manifest, require_manifest
from marketdata.lake.store import Store
from marketdata.models.bar import EARLIEST, LATEST

if TYPE_CHECKING:
    import pyarrow
    from pyarrow import NativeFile
    from pyarrow.parquet import FileMetaData, ParquetFile, RowGroupMetaData


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LakeReader:
    """Reads one state of the lake: the one that its manifest had at the first read."""

    def __init__(self, store: Store, manifest: Manifest | None = None) -> None:
        self._store = store
        if manifest is not None:
            self.manifest = manifest

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest. Raises `LakeError` if there is none."""
        return require_manifest(self._store)

    def iterate_tables(
        self,
        symbol: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        descending: bool = False,
        columns: Sequence[str] = COLUMNS,
    ) -> Iterator[pyarrow.Table]:
        """The bars of a symbol in [start, end), UTC, with these columns of the table of bars.

        The tables are not empty. They come in time order, or the reverse with `descending`; the rows of each are in
        time order. Only row groups that may have such bars are read. Raises `LakeError` if a file is damaged, and
        `MissingFile` if it is missing.
        """
        first, stop = (_to_ms(moment) for moment in (start or EARLIEST, end or LATEST))
        for file in sorted(self._find_files(symbol), key=lambda file: file.year, reverse=descending):
            if _year_overlaps(file.year, start, end):
                yield from self._read_file(file, symbol, first, stop, descending=descending, columns=columns)

    def _find_files(self, symbol: str) -> list[LakeFile]:
        return [file for file in self.manifest.files if symbol in file.symbols]

    def _read_file(
        self, file: LakeFile, symbol: str, first: int, stop: int, *, descending: bool, columns: Sequence[str]
    ) -> Iterator[pyarrow.Table]:
        from pyarrow import ArrowException, parquet

        try:
            with (
                self._store.open(file.path) as opened,
                parquet.ParquetFile(
                    opened,
                    metadata=_read_footer(opened, file, self._store),
                    page_checksum_verification=True,
                    read_dictionary=["symbol"],  # ten times as fast
                ) as found,
            ):
                groups = _find_groups(found, symbol, first, stop)
                for number in reversed(groups) if descending else groups:
                    rows = _find_rows(found, number, symbol, first, stop)
                    if rows:
                        yield from _read_rows(found, number, rows, columns, descending=descending)
        except FileNotFoundError as error:
            raise MissingFile(
                f"{self._store.name}/{file.path} is missing: an export is replacing it, or it was deleted. Read again, "
                "or run export_lake."
            ) from error
        except (ArrowException, OSError, KeyError) as error:
            raise LakeError(
                f"{self._store.name}/{file.path} is damaged: run export_lake without --since-last."
            ) from error


def _find_rows(file: ParquetFile, group: int, symbol: str, first: int, stop: int) -> range:
    """The rows of a group that are bars of the symbol in [first, stop): they follow each other. Their times need no
    more than a hundredth of the time that their prices need."""
    from pyarrow import compute

    table = file.read_row_group(group, columns=["symbol", "ts_ms"], use_threads=False)
    ts_ms = table["ts_ms"]
    in_range = compute.and_(compute.greater_equal(ts_ms, first), compute.less(ts_ms, stop))
    rows = compute.indices_nonzero(compute.and_(compute.equal(table["symbol"], symbol), in_range))
    return range(rows[0].as_py(), rows[-1].as_py() + 1) if len(rows) else range(0)


def _read_rows(
    file: ParquetFile, group: int, rows: range, columns: Sequence[str], *, descending: bool
) -> Iterator[pyarrow.Table]:
    """The rows in tables, read as they are requested: a page at the beginning of a group reads no more than it needs.
    In descending order they are one table, since those before the last rows must be decoded anyway."""
    import pyarrow

    position, waiting = 0, []
    for batch in file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=list(columns), use_threads=False):
        start, end = max(rows.start - position, 0), min(rows.stop - position, len(batch))
        position += len(batch)
        if start < end:
            table = pyarrow.Table.from_batches([batch.slice(start, end - start)]).select(list(columns))
            if descending:
                waiting.append(table)
            else:
                yield _decode_symbols(table)
        if position >= rows.stop:
            break
    if descending:
        yield _decode_symbols(pyarrow.concat_tables(waiting))


def _decode_symbols(table: pyarrow.Table) -> pyarrow.Table:
    import pyarrow

    if "symbol" not in table.column_names:
        return table
    return table.set_column(
        table.column_names.index("symbol"),
        table.schema.field("symbol").with_type(pyarrow.string()),
        table["symbol"].cast(pyarrow.string()),
    )


_footers: OrderedDict[tuple, FileMetaData] = OrderedDict()
_MAX_FOOTERS = 64
_BATCH_ROWS = 8_192


def _read_footer(opened: NativeFile, file: LakeFile, store: Store) -> FileMetaData:
    """What the footer of a file states, from memory if possible: the name of a file has the hash of its content.

    The first time, a file of a local folder is compared with its hash, which takes some ms; a bucket would have to send
    all of it. Raises `ArrowInvalid` for another file than the manifest's.
    """
    from pyarrow import ArrowInvalid, parquet

    if opened.size() != file.bytes:
        raise ArrowInvalid("The size differs from that in the manifest.")
    key = store.name, file.path, store.find_stamp(file.path) if store.is_local else None
    found = _footers.get(key)
    if found is None:
        if store.is_local and _compute_sha256(opened) != file.sha256:
            raise ArrowInvalid("The content differs from that in the manifest.")
        found = _footers[key] = parquet.read_metadata(opened)
        while len(_footers) > _MAX_FOOTERS:
            _footers.popitem(last=False)
    return found


def _compute_sha256(opened: NativeFile) -> str:
    opened.seek(0)
    sha256 = hashlib.sha256()
    while content := opened.read(1 << 20):
        sha256.update(content)
    return sha256.hexdigest()


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


def to_table_rows(table: pyarrow.Table) -> list[tuple]:
    """The rows as the table of bars has them: UTC times, exact decimals, whole numbers."""
    columns = [column.to_pylist() for column in table.columns]
    for number, name in enumerate(table.column_names):
        if name in ("ts", "created_at"):
            columns[number] = [moment.astimezone(UTC) for moment in columns[number]]
    return list(zip(*columns, strict=True))
