"""What the next session of a dataset asks for: series, their contracts, from when, and when the exchange is open."""
