"""One connection of the live gateway, and its faults."""
