"""Faults of volumes."""

from __future__ import annotations

from benchmarks.faults.model import Editor, Injector


def add_zero_volume(editor: Editor) -> bool:
    """A bar without volume."""
    if (run := editor.pick_bars(1)) is None:
        return False
    editor.values["volume"][run[0]] = 0
    return editor.record("zero volume", editor.span(*run), "volume_zero")


def multiply_volume(factor: int) -> Injector:
    """A bar whose volume is multiplied."""

    def add(editor: Editor) -> bool:
        if (run := editor.pick_bars(1)) is None:
            return False
        editor.values["volume"][run[0]] *= factor
        return editor.record(f"volume × {factor:,}", editor.span(*run), "volume_outlier")

    return add
