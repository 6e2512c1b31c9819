"""Slow second implementations, in plain Python, that tests compare with."""
