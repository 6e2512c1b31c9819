"""Benchmarks of the project. Each is one command; benchmarks/README.md lists them."""

import os

# As in manage.py: threads for matrix products would be measured, and do not shorten a check.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
