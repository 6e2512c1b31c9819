"""Errors of the lake. Each message is a sentence or two: what is wrong, where, and what to do."""

from __future__ import annotations


class LakeError(Exception):
    """The lake cannot be written or read. What it had before is unchanged."""


class MissingFile(LakeError):
    """A file of the manifest is missing: an export is replacing it, or it was deleted."""
