"""What the detectors of prices and volumes share: local scales, excursions of the price, and the hours of a day."""
