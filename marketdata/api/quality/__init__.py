"""Findings over REST: read them, and acknowledge or resolve them with a token that may write."""
