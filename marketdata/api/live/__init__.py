"""Live feeds over REST."""
