"""What to request: from the stored bars, the days that history covers, and what the vendor states about its days."""
