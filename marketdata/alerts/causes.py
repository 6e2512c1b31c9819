"""What findings have in common, so that one message reports them; and which an outage explains."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from marketdata.models import QualityFinding

_KINDS = QualityFinding.Kind
# While a feed is out, its series have no new bars: one message about the feed is enough.
_EXPLAINED_BY_OUTAGE = (_KINDS.SILENCE, _KINDS.MISSING)


@dataclass(frozen=True)
class Outage:
    """An open outage of a dataset's feed, since `start`."""

    dataset: str
    finding: QualityFinding


def find_cause(finding: QualityFinding) -> str:
    """Findings with the same cause are reported together: of one run, one vendor day, one outage, one halt.

    A vendor's statement and silence have nothing to do with the run that brought the bars around them.
    """
    dataset = finding.series.dataset if finding.series else ""
    if finding.kind == _KINDS.VENDOR_CONDITION:
        return f"{dataset or 'vendor'} {finding.start:%Y-%m-%d}"
    if finding.kind == _KINDS.SILENCE:
        return f"silence {dataset}".strip()
    if finding.run_id is not None:
        return f"run {finding.run_id}"
    if finding.group:
        return finding.group
    if finding.identity:
        return finding.identity
    return f"{str(finding.get_kind_display()).lower()} {dataset}".strip()


def list_outages() -> list[Outage]:
    """The feeds that are out now."""
    found = QualityFinding.objects.filter(kind=_KINDS.FEED_OUTAGE).exclude(state=QualityFinding.State.RESOLVED)
    return [Outage(_dataset_of(finding), finding) for finding in found]


def find_outage(finding: QualityFinding, outages: Iterable[Outage]) -> Outage | None:
    """The outage that explains the finding: it reports bars that are lacking since then, of a series of the feed."""
    if finding.kind not in _EXPLAINED_BY_OUTAGE or finding.series is None or not finding.series.live:
        return None
    return next(
        (one for one in outages if one.dataset == finding.series.dataset and finding.end > one.finding.start), None
    )


def _dataset_of(finding: QualityFinding) -> str:
    """The identity of an outage is "feed" and the dataset."""
    return finding.identity.removeprefix("feed ").strip()
