"""Trials of archived years."""
