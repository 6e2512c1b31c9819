"""What is known about live feeds: the state of each dataset and series, and the last sessions."""
