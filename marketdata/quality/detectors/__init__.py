"""Pure detectors: arrays of bars in, findings out. No Django, no database."""

from marketdata.quality.detectors.vendor_condition import find_vendor_condition

DETECTORS = (find_vendor_condition,)
