"""What the detectors of prices and volumes share: robust local scales, neighbours of a bar, and the hours of a day."""
