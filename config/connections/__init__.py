"""Connections to the database: how soon a silent one is noticed, and whether the server responds at all."""
