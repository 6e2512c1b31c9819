"""Findings as they are stored: which are new, which are seen again, which are gone."""
