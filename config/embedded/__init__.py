"""The PostgreSQL that pip installed, run for as long as some process of this project uses it.

`server.ensure_running(home)` is the whole interface; `backend` is the Django database engine on top of it.
"""
