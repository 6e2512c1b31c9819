"""The live feed: a receiver closes each minute and spools it as a file, which `pipeline.ingest_file` loads."""
