"""Answers the receiver's requests for plans. The vendor is asked in a thread, so that bars are stored meanwhile."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from ingestion.errors import IngestError
from ingestion.feeds.asks import MappedContract
from ingestion.feeds.live.messages import PlanRequested, SessionPlan
from ingestion.feeds.live.planning.contracts import ContractBook, ask_contracts, read_last_contracts
from ingestion.feeds.live.planning.hours import from_ns, to_ns
from ingestion.feeds.live.planning.plan import PlannedSession, list_continuous, plan_session
from marketdata.models import Series

if TYPE_CHECKING:
    from ingestion.feeds.client import Vendor

logger = logging.getLogger(__name__)

WAIT_SECONDS = 3.0  # for an answer, while the last contracts still hold
_DAY, _NO_OFFSET = timedelta(days=1), timedelta(0)
_TOLERANCE = timedelta(minutes=2)  # by which this machine's clock may be ahead

Found = dict[str, list[MappedContract]]


@dataclass
class _Dataset:
    """What is known and asked of a dataset. `basis`: the time that the last plan was made for, `is_machine_time`:
    because the gateway had stated none. `cut`: what was stored of the
    series whose start is the oldest that the gateway replays. `lacking`: of those that a session, `short_key`, did not
    ask for the whole window because of this machine's clock, until another has replayed it."""

    series: list[Series]
    book: ContractBook
    request: PlanRequested | None = None
    requested_at: float = 0.0
    answer: Future[Found] | None = None
    asked_day: date | None = None
    basis: datetime | None = None
    is_machine_time: bool = False
    cut: dict[int, datetime | None] = field(default_factory=dict)
    lacking: dict[int, datetime | None] = field(default_factory=dict)
    short_key: str = ""
    problem: str = ""


class Planner:
    """The plans of all datasets. `on_plan` is called with each, `report` with a sentence when something is worth it.

    `offsets`: by how much the gateway's clock was ahead of this machine's, by what an earlier process recorded."""

    def __init__(
        self,
        series: dict[str, list[Series]],
        *,
        open_vendor: Callable[[], Vendor],
        on_plan: Callable[[PlannedSession], None],
        report: Callable[[str], None],
        offsets: Mapping[str, timedelta] = MappingProxyType({}),
    ) -> None:
        self._offsets = offsets
        self._open_vendor, self._on_plan, self._report = open_vendor, on_plan, report
        self._datasets = {name: _Dataset(list(some), ContractBook(name)) for name, some in series.items()}

    def request(self, event: PlanRequested) -> None:
        """The receiver waits for a plan."""
        one = self._datasets.get(event.dataset)
        if one is None:
            return  # it is not received any more
        one.request, one.requested_at = event, time.monotonic()

    def change_series(self, dataset: str, series: Sequence[Series]) -> None:
        """The series of the next plans."""
        self._datasets[dataset].series = list(series)

    def must_renew(self, key: str, plan: SessionPlan, gateway_time: datetime) -> bool:
        """Whether the session's plan was made for another time than the gateway's: it asks for minutes to come, lacks
        minutes that the gateway replays, or has contracts of other days. Only the first plan is, if this machine's
        clock is wrong."""
        one = self._datasets[plan.dataset]
        if not one.is_machine_time or one.basis is None:
            return False
        one.is_machine_time = False
        is_future = plan.asked_start_ns is not None and plan.asked_start_ns >= to_ns(gateway_time)
        is_short = bool(one.cut) and gateway_time < one.basis - _TOLERANCE
        if is_short:
            one.lacking, one.short_key = one.cut, key
        return is_future or is_short or abs(gateway_time.date() - one.basis.date()) > _DAY

    def end_replay(self, key: str, dataset: str) -> None:
        """The session has replayed what it asked for."""
        one = self._datasets[dataset]
        if key != one.short_key:
            one.lacking = {}

    def work(self) -> None:
        """Answer what can be answered."""
        for one in self._datasets.values():
            if one.request is not None:
                self._answer(one, one.request)

    def _answer(self, one: _Dataset, request: PlanRequested) -> None:
        now = from_ns(request.gateway_time_ns) or datetime.now(UTC) + self._offsets.get(request.dataset, _NO_OFFSET)
        symbols = list_continuous(one.series)
        error: IngestError | None = None
        if not one.book.is_current(symbols, now):
            error = self._resolve(one, symbols, now)
            if error is None and not one.book.is_current(symbols, now):
                return  # asked, and not answered yet
        if error is not None and not self._keep_last(one, symbols, now):
            self._finish(one, error)
            return
        try:
            planned = plan_session(request.dataset, one.series, one.book, now, one.lacking)
        except IngestError as refusal:
            self._finish(one, refusal)
            return
        one.basis, one.is_machine_time, one.problem = now, request.gateway_time_ns is None, ""
        one.cut = {start.series.pk: start.stored_until for start in planned.starts if start.is_cut}
        self._on_plan(planned)
        self._finish(one, planned)

    def _resolve(self, one: _Dataset, symbols: list[str], now: datetime) -> IngestError | None:
        """Ask the vendor, or read its answer. Returns the error of the answer, or why the last one must do."""
        if one.answer is None:
            one.asked_day = now.date()
            one.answer = self._ask(one.book.dataset, symbols, now.date())
        elif one.answer.done():
            answer, one.answer = one.answer, None
            try:
                found = answer.result()
            except IngestError as error:
                one.problem = str(error)
                return error
            assert one.asked_day is not None
            one.book.update(found, symbols, one.asked_day)
            self._name_unresolved(one, found, symbols)
        if time.monotonic() - one.requested_at > WAIT_SECONDS and self._holds(one, symbols, now):
            return IngestError(one.problem or "The vendor did not answer which contracts are meant.")
        return None

    def _ask(self, dataset: str, symbols: list[str], day: date) -> Future[Found]:
        answer: Future[Found] = Future()

        def ask() -> None:
            try:
                answer.set_result(ask_contracts(self._open_vendor(), dataset, symbols, day))
            except IngestError as error:
                answer.set_exception(error)
            except Exception as error:
                logger.exception("The contracts of %s could not be resolved", dataset)
                answer.set_exception(IngestError(f"The contracts of {dataset} are not known ({error!r})."))

        threading.Thread(target=ask, daemon=True, name="symbology").start()
        return answer

    def _keep_last(self, one: _Dataset, symbols: list[str], now: datetime) -> bool:
        """Whether the last known contracts still hold: those of this process, or else of the last session."""
        if not one.book.contracts:
            one.book.contracts = read_last_contracts(one.series)
        return self._holds(one, symbols, now)

    def _holds(self, one: _Dataset, symbols: list[str], now: datetime) -> bool:
        contracts = one.book.contracts or read_last_contracts(one.series)
        return all(any(known.start <= now < known.stop for known in contracts.get(symbol, [])) for symbol in symbols)

    def _finish(self, one: _Dataset, result: PlannedSession | IngestError) -> None:
        assert one.request is not None
        plan, one.request = one.request.plan, None
        if plan.done():
            return
        if isinstance(result, PlannedSession):
            plan.set_result(result.plan)
        else:
            plan.set_exception(result)

    def _name_unresolved(self, one: _Dataset, found: Found, symbols: list[str]) -> None:
        for symbol in symbols:
            if symbol not in found:
                self._report(f"{one.book.dataset}: the vendor resolves no contract of {symbol}.")
