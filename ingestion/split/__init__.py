"""Splits series of raw symbols into one series per contract, and names contracts whose year is settled later."""
