"""History: planned, priced, bought within the caps, checked, and loaded as a file."""
