"""What yearly partitions cost and save: `python -m benchmarks.partitions`."""
