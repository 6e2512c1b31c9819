"""Errors of reading archived bars."""

from __future__ import annotations


class ArchivedBarsUnreadable(Exception):
    """The lake that has the bars of an archived year is missing, unreachable, damaged or incomplete.

    The message is for every user, and does not state where the lake is; `reason` does, for logs and commands.
    """

    def __init__(self, year: int, reason: str) -> None:
        self.year, self.reason = year, reason
        self._what = f"The bars of {year} are archived, and the lake that has them cannot be read"
        super().__init__(f"{self._what}: try again later.")

    @property
    def explanation(self) -> str:
        """The message for an operator, with the reason."""
        return f"{self._what}. {self.reason}"
