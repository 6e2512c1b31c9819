"""What export_lake and verify_lake share: their target, and the report of a verification."""

from __future__ import annotations

import argparse

from django.conf import settings
from django.core.management.base import CommandError, OutputWrapper

from marketdata.formatting import format_count
from marketdata.lake.manifest import Manifest
from marketdata.lake.store import Store
from marketdata.lake.verification.verify import VerifyResult
from marketdata.timestamps import to_iso

MAX_DAMAGES = 50


def add_target_argument(parser: argparse.ArgumentParser, name: str) -> None:
    """Add the option for the folder or bucket of the lake."""
    parser.add_argument(name, metavar="DIR", help="a folder, or s3://bucket/prefix; default: LAKE_DIR")


def find_target(given: str | None) -> str:
    """The target that was given, or that of the settings. Raises `CommandError` if there is none."""
    target: str = settings.LAKE_DIR if given is None else given
    if not target:
        raise CommandError("The folder of the lake is not known: give --to DIR, or set LAKE_DIR.", returncode=2)
    return target


def require_no_damages(store: Store, result: VerifyResult, stdout: OutputWrapper | None) -> None:
    """Print the result. Raises `CommandError` if the lake is damaged."""
    if stdout is not None:
        for damage in result.damages[:MAX_DAMAGES]:
            stdout.write(damage)
        if len(result.damages) > MAX_DAMAGES:
            stdout.write(f"and {len(result.damages) - MAX_DAMAGES:,} more")
        if result.changed:
            count = (
                format_count(len(result.changed), "symbol's year")
                if len(result.changed) == 1
                else (f"{len(result.changed):,} symbols' years")
            )
            stdout.write(f"Changed since the export, and not compared: {count}.")
    if result.damages:
        raise CommandError(
            f"{store.name} is not right ({format_count(len(result.damages), 'finding')}): run export_lake without "
            "--since-last."
        )
    if stdout is not None:
        stdout.write(
            f"{store.name} is right: {format_count(len(result.manifest.files), 'file')} with "
            f"{format_count(result.manifest.rows, 'bar')}, {format_count(result.hour_count, 'hour')} compared."
        )


def serialize_manifest(manifest: Manifest) -> dict:
    """The manifest without its files, as `--json` prints it."""
    return {
        "rows": manifest.rows,
        "files": len(manifest.files),
        "bytes": sum(file.bytes for file in manifest.files),
        "as_of": to_iso(manifest.as_of),
        "runs": manifest.runs,
    }
