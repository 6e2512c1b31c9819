"""The web server of the Procfile, and clients that are many or slow."""
