"""Pages of live feeds."""
