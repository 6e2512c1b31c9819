"""The audit trail, data_ingest_runs: read queries, changes after a run, and the locks of running runs."""
