"""Every database function and trigger, as SQL. A test compares these files with what the migrations leave.

`installed` compares a database with checksums.json, `install` creates what the files define.
"""
