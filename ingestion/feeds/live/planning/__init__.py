"""What the next session of a dataset asks for: its series, their contracts, from when, and when the exchange is open."""
