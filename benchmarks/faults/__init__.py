"""Faults with known places, put into clean bars with a seed, and how many of them the detectors find."""
