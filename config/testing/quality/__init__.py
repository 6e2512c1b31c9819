"""Bars and detectors for tests of findings."""
