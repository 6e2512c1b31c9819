"""Closes minutes: which records are bars, when a minute is complete, and which minutes are requested again. Pure."""
