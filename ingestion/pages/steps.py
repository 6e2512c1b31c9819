"""What to do after a run: steps with a text, a command to copy, and links. The template only lists them.

Texts are HTML with links in them; `format_html` escapes the names of files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ingestion.pages.links import link_bars, link_run
from ingestion.pages.next_steps import build_retry_command, build_undo_command
from marketdata.models import IngestRun, Series
from marketdata.runs.later import MAX_NAMED, LaterRun

_NAMES: dict[str, str] = {
    **dict.fromkeys(IngestRun.LOADS, "ingest"),
    IngestRun.Kind.UNDO: "undo",
    IngestRun.Kind.SPLIT: "split",
}
OVERWRITE = "overwrite values of later runs"


@dataclass(frozen=True)
class Step:
    """One step. `note` follows the links."""

    text: str
    command: str = ""
    links: Sequence[SafeString] = ()
    note: str = ""


@dataclass(frozen=True)
class NextSteps:
    """All steps of a run's page. They are numbered if each requires the one before."""

    steps: Sequence[Step]
    numbered: bool = False


@dataclass(frozen=True)
class Aftermath:
    """What happened after a run: the successful undos of it, newest first, the later runs that changed its bars, and
    the run that loaded the file of a failed one."""

    undos: Sequence[IngestRun] = ()
    later: Sequence[LaterRun] = ()
    loaded_since: int | None = None


@dataclass(frozen=True)
class Written:
    """The series that a run wrote to, possibly without the last ones."""

    series: Sequence[Series] = ()
    note: str = ""


def list_next_steps(run: IngestRun, written: Written, aftermath: Aftermath) -> NextSteps:
    """The steps for a run in its status."""
    match run.status:
        case IngestRun.Status.FAILED if aftermath.loaded_since:
            text = format_html("None: {} has loaded the file since.", link_run(aftermath.loaded_since))
            return NextSteps([Step(text)])
        case IngestRun.Status.FAILED if run.dismissed_at:
            return NextSteps([Step("None: the failure was dismissed.")])
        case IngestRun.Status.FAILED:
            return NextSteps(_list_retries(run), numbered=True)
        case IngestRun.Status.RUNNING:
            return NextSteps([_describe_waiting(run)])
    is_undone = any(not undo.left_count for undo in aftermath.undos)
    shown = _show_bars(run, Written() if is_undone else written)
    return NextSteps([shown, *_list_withdrawn(run, aftermath), *_list_repetitions(run, aftermath)])


def _list_retries(run: IngestRun) -> list[Step]:
    if run.kind == IngestRun.Kind.SPLIT:
        check = "Resolve the error above. Then check what the split would move, without writing anything:"
        repeat = "Split the series. What is split already is not split twice:"
    elif run.undoes_id:
        check = "Resolve the error above. Then check what the undo would change, without writing anything:"
        repeat = "Undo the run:"
    else:
        check = "Resolve the error above, or download the file again. Then validate the file, without writing anything:"
        repeat = "Load the file. Repeating the command stores nothing twice:"
    return [Step(check, build_retry_command(run, dry_run=True)), Step(repeat, build_retry_command(run))]


def _describe_waiting(run: IngestRun) -> Step:
    text = (
        "Wait: this page follows the run. If the process of this run has ended, the run is closed as failed. "
        f"To repeat the {_NAMES[run.kind]} then:"
    )
    return Step(text, build_retry_command(run))


def _show_bars(run: IngestRun, written: Written) -> Step:
    if not written.series:
        return Step("No action is required.")
    links = [link_bars(series, run.min_ts) for series in written.series]
    return Step("No action is required. View the bars:", links=links, note=written.note)


def _list_withdrawn(run: IngestRun, aftermath: Aftermath) -> list[Step]:
    """How to remove the bars that the file does not have. Not after later changes: another file may be newer."""
    if not run.withdrawn_count or run.remove_withdrawn or aftermath.undos or aftermath.later:
        return []
    text = "To remove the withdrawn bars, which can be undone, if no newer delivery of this range exists:"
    return [Step(text, build_retry_command(run, remove_withdrawn=True))]


def _list_repetitions(run: IngestRun, aftermath: Aftermath) -> list[Step]:
    """How to load the file again, or to reverse an undo."""
    if run.moves is not None and run.undoes_id:
        return [Step(format_html("To split the series again, use the command of {}.", link_run(run.undoes_id)))]
    if run.kind == IngestRun.Kind.SPLIT:
        return _list_steps_after_split(run, aftermath)
    if run.undoes_id:
        return [Step(format_html("To reverse this undo, load the file of {} again.", link_run(run.undoes_id)))]
    warnings = _list_warnings(run, aftermath)
    if not warnings:
        return [Step("To load the file again, which changes no stored bar:", build_retry_command(run))]
    sentences = [*warnings, "First check what it would do, without writing anything:"]
    return [
        Step(_join(" ", sentences), build_retry_command(run, dry_run=True)),
        Step("If that is the intended result, load the file:", build_retry_command(run)),
    ]


def _list_steps_after_split(run: IngestRun, aftermath: Aftermath) -> list[Step]:
    if aftermath.undos:
        return [Step("To split the series again:", build_retry_command(run))]
    check = "To reverse the split, first check what an undo would move, without writing anything:"
    return [
        Step(check, build_undo_command(run, dry_run=True)),
        Step("If that is the intended result, undo it:", build_undo_command(run)),
    ]


def _list_warnings(run: IngestRun, aftermath: Aftermath) -> list[str]:
    """What loading the file again would do to stored bars."""
    found: list[str] = []
    names = _name_runs(aftermath.later)
    if aftermath.undos:
        text = "Loading the file again would reverse the undo by {}"
        text += ", and " + OVERWRITE + ": {}." if names else "{}."
        found.append(format_html(text, link_run(aftermath.undos[0].pk), names))
    elif names:
        text = "Loading the file again would " + OVERWRITE + ", which changed bars in this range: {}."
        found.append(format_html(text, names))
    if run.replace_instrument:
        found.append("The command removes the bars of another instrument on the file’s dates.")
    if run.remove_withdrawn:
        found.append("The command removes stored bars of the file’s range that the file does not have.")
    return found


def _name_runs(later: Sequence[LaterRun]) -> SafeString:
    """run 8 (7.dbn), run 7 (undo of run 1), and others. Empty for none."""
    names = [format_html("{} ({})", link_run(one.pk), _name_content(one)) for one in later[:MAX_NAMED]]
    return _join(", ", [*names, "and others"] if len(later) > MAX_NAMED else names)


def _name_content(run: LaterRun) -> str:
    return f"undo of run {run.undoes}" if run.undoes else format_html('<span class="file">{}</span>', run.file_name)


def _join(separator: str, texts: Sequence[str]) -> SafeString:
    return format_html_join(separator, "{}", ((text,) for text in texts))
