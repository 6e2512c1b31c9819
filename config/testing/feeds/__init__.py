"""The vendor's two servers for tests: one invented market, served by the historical API and by the live gateway."""
