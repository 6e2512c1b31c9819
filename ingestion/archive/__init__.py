"""Moves years of bars between the table and the lake: `archiving` detaches a year that the lake has, `restoring` brings
it back. README.md, "Archive a year", has the steps for users. `partitioning/` gives a whole table its partitions."""
