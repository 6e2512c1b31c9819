"""The pages of findings: the list with its filters and actions, and one finding with its history."""
