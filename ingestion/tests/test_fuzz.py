"""Mutated files: each is loaded as plain Python reads it, or refused by a rule; none ends or exhausts the process.

`make fuzz` loads 5,000 files of a new seed; FUZZ_FILES and FUZZ_SEED change both. A file with a fault is kept in
var/fuzz/.
"""

import os
import sys
from pathlib import Path

from django.conf import settings

from config.testing.fuzz.harness import MAX_MEMORY, MAX_SECONDS, Fuzzer

FILES = int(os.environ.get("FUZZ_FILES") or 300)
SEED = int(os.environ.get("FUZZ_SEED") or 20_240_102)


def test_mutated_files_are_loaded_exactly_or_refused(market_db, tmp_path):
    outcome = Fuzzer(SEED, tmp_path, Path(settings.BASE_DIR) / "var" / "fuzz").run(FILES)
    sys.stderr.write(f"{outcome.format(SEED)}\n")
    assert outcome.faults == [], "\n".join(outcome.faults)
    assert outcome.counts[None] > FILES // 10, "too few files are loaded to compare them"
    assert outcome.peak <= MAX_MEMORY
    assert outcome.slowest <= MAX_SECONDS
