"""The live feed under faults: an invented market, its gateway, the process that is killed, the comparison."""
