"""Events of a market that several detectors see: halts, price limits, repeated days."""
