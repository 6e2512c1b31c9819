"""What is known about the vendor's history: which days it covers, what is empty, until when it is available."""
