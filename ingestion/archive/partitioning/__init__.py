"""`manage.py partition_bars`: a whole table of bars becomes the partitioned one of a new installation.

`pipeline.partition_bars` is the table of contents. Each year is copied into a table of its own, while readers and loads
go on. Triggers record which times are written meanwhile (`state.py`). At the end, writers wait for a moment: what they
changed is copied again, and one transaction puts the copies in place of the table (`swap.py`).
"""
