"""What the commands print: results, errors and progress."""
