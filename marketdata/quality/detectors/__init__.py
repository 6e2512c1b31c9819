"""Pure detectors: arrays of bars in, findings out. No Django, no database."""
