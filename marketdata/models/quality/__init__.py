"""What the checks of the stored bars found, and what was checked."""
