"""Second sessions of the database beside a run: they end silent connections, name who holds a lock, and let others
read the progress of the run and cancel it."""
