"""The errors of feeds. No message contains the key: they are built from what the vendor answered, never from a request.

Each is one or two sentences: what the vendor refused or failed to do, and what to do about it.
"""

from __future__ import annotations

from datetime import datetime

from ingestion.errors import IngestError, RetryableError


class FeedError(IngestError):
    """The vendor's data did not arrive. Nothing was stored.

    `may_be_charged`: whether the vendor can have charged the request that failed. A failed purchase keeps its charge
    then, and counts for the caps. `status`: of the vendor's answer, None if there was none.
    """

    may_be_charged = False
    status: int | None = None


class FeedRefused(FeedError):
    """A request that the vendor refuses, or that cannot be sent, until a person changes something.

    `case` is the vendor's name for the refusal, empty if it gave none.
    """

    def __init__(self, message: str, *, case: str = "") -> None:
        super().__init__(message)
        self.case = case


class KeyMissing(FeedRefused):
    """No key is set, or one that cannot be used. The message never contains it."""


class NotYetAvailable(FeedError):
    """The range ends later than the vendor's history, or than the account's licence allows.

    `end`: the end that the vendor named, UTC and a whole minute.
    """

    def __init__(self, message: str, *, end: datetime) -> None:
        super().__init__(message)
        self.end = end


class NothingThere(FeedError):
    """The vendor resolves none of the symbols in the range: there is nothing to buy."""


class TryAgain(FeedError, RetryableError):
    """The vendor, or the network, failed for now. Nothing of the answer had arrived.

    `after`: the seconds that the vendor asks to wait, None if it does not.
    """

    def __init__(self, message: str, *, after: float | None = None, may_be_charged: bool = False) -> None:
        super().__init__(message)
        self.after, self.may_be_charged = after, may_be_charged


class BrokenDownload(FeedError):
    """The data began to arrive and is not complete, or is not what was requested. A stream is paid for all the same."""

    may_be_charged = True


class OverBudget(FeedError):
    """The purchase would exceed a cap, or no caps are set. Nothing was bought."""

    exit_code = 3
