"""What somebody who watches an ingest can see and do: steps, progress, notes, and a way to stop it."""

from __future__ import annotations

from pathlib import Path


class Progress:
    """Keeps the notes, watches nothing else and never stops anything; a command or a page overrides what it needs."""

    def __init__(self) -> None:
        self.notes: list[str] = []  # of the file at hand

    def start_file(self, path: Path, size: int) -> None:
        """A file of `size` bytes was opened."""

    def read_up_to(self, position: int) -> None:
        """The file was read up to this byte."""

    def step(self, name: str) -> None:
        """The next step of the pipeline begins."""

    def note(self, sentence: str) -> None:
        """Something that the user should know of a file that was taken."""
        self.notes.append(sentence)

    def end_file(self) -> None:
        """The file is in, or was passed over or refused."""

    def check(self) -> None:
        """Called between chunks, between steps and after a database error: raise `Interrupted` to stop here."""
