"""Reads of minute bars: pages, statistics, CSV exports, earlier values, and the bars as of an earlier moment."""
