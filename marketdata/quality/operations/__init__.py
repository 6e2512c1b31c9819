"""Faults of what brings the bars: runs, feeds, money and space."""
