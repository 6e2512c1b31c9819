"""Ingests many files: which ones, in which order, in how many processes."""
