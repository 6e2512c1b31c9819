"""The vendor's data over the network: what is requested, what it costs, what arrives."""
