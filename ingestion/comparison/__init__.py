"""Stored minute bars compared with the vendor's bars of hours and days."""
