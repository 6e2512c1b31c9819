"""Whether the stored bars can be trusted: findings, not gap counts."""
