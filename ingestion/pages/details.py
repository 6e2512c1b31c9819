"""The table "File and times" of a run's page, and what is written below its title."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from ingestion.pages.links import link_run, link_session
from marketdata.formatting import format_count
from marketdata.models import IngestRun
from marketdata.pages.presenters import Moment, RunRow

MAX_NAMED_SYMBOLS = 20
MAX_NAMED_MOVES = 50
NONE = "—"


class Detail(NamedTuple):
    """One row of the table, and the class of its cell."""

    name: str
    text: str
    kind: str = ""


def describe_undos(undos: Sequence[IngestRun]) -> list[SafeString]:
    """A sentence for each successful undo of the run."""
    return [format_html("Undone by {}{}.", link_run(undo.pk), _describe_left(undo.left_count)) for undo in undos]


def describe_requests(run: IngestRun) -> list[str]:
    """Which users requested the run, requested to cancel it, and dismissed its failure."""
    sentences = [f"Requested by {run.requested_by}."] if run.requested_by else []
    if run.cancel_requested_by and run.status == IngestRun.Status.RUNNING:
        sentences.append(f"{run.cancel_requested_by} requested to cancel it.")
    if run.dismissed_at:
        when = Moment(run.dismissed_at).minute
        sentences.append(f"Dismissed by {run.dismissed_by} on {when} UTC: {run.dismissed_reason}")
    return sentences


def _describe_left(count: int) -> str:
    return f", except {count} bar{'' if count == 1 else 's'}" if count else ""


def list_details(row: RunRow) -> list[Detail]:
    """The rows of the table."""
    run = row.run
    started = format_html("{} ({})", _format_time(row.started, f"{row.started.second} UTC"), row.started.age)
    return [
        Detail("Started", started),
        Detail("Finished", _describe_end(row)),
        *_list_session(run),
        *_list_content(row),
        Detail("Dataset", _describe_dataset(run), "file"),
        Detail("Series", _list_symbols(run.symbols), "file"),
        *_list_range(row),
    ]


def _list_session(run: IngestRun) -> list[Detail]:
    """The live session that received the file."""
    return [Detail("Live session", link_session(run.feed_session_id))] if run.feed_session_id else []


def _describe_end(row: RunRow) -> str:
    if not row.finished:
        return "not yet"
    return format_html("{}, after {}", _format_time(row.finished, f"{row.finished.second} UTC"), row.duration)


def _list_content(row: RunRow) -> list[Detail]:
    """What the run undid, what it moved, or its file."""
    run = row.run
    undone = _list_undone(run, run.undoes_id) if run.undoes_id else []
    if run.moves is not None or run.kind == IngestRun.Kind.SPLIT:
        return [*undone, Detail("Moved", _list_moves(run))]
    return undone or _list_file(row)


def _list_moves(run: IngestRun) -> str:
    """NQH5 to NQH2015: 4,400 bars, from 2014-03-21 to 2015-03-20"""
    moves = run.moves or []
    lines = (
        (move["from"], move["to"], format_count(move["bars"], "bar"), move["start"], _subtract_day(move["end"]))
        for move in moves[:MAX_NAMED_MOVES]
    )
    listed = format_html_join(mark_safe("<br>"), "{} to {}: {}, from {} to {}", lines)
    if len(moves) > MAX_NAMED_MOVES:
        listed += format_html("<br>and others, {} in total", len(moves))
    return listed or NONE


def _subtract_day(day: str) -> str:
    return str(date.fromisoformat(day) - timedelta(days=1))


def _list_undone(run: IngestRun, undone: int) -> list[Detail]:
    what = "a split" if run.moves is not None else run.file_name
    return [Detail("Undoes", format_html("{} ({})", link_run(undone), what))]


def _list_file(row: RunRow) -> list[Detail]:
    checksum = row.run.file_sha256 or f"{NONE} (the file was not read completely)"
    return [
        Detail("File", row.run.file_path, "file"),
        Detail("Size", row.size or NONE),
        Detail("sha256", checksum, "file sha"),
    ]


def _describe_dataset(run: IngestRun) -> str:
    vendor = f" ({run.vendor} {run.vendor_dataset})" if run.vendor_dataset else ""
    return f"{run.dataset or NONE}{vendor}, {run.schema}"


def _list_symbols(symbols: Sequence[str]) -> str:
    more = f" and others, {len(symbols)} in total" if len(symbols) > MAX_NAMED_SYMBOLS else ""
    return (", ".join(symbols[:MAX_NAMED_SYMBOLS]) or NONE) + more


def _list_range(row: RunRow) -> list[Detail]:
    if not row.first or not row.last:
        return []
    first, last = _format_time(row.first, row.first.minute), _format_time(row.last, f"{row.last.minute} UTC")
    return [Detail("Bars from", format_html("{} to {}", first, last))]


def _format_time(moment: Moment, text: str) -> SafeString:
    return format_html('<time datetime="{}">{}</time>', moment.iso, text)
