"""Compares the lake with its manifest, and its bars with the hourly rollup."""
