"""What the vendor states about the days of its data."""
