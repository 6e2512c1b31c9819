"""The page of downloads: subscriptions, spend against the caps, plans with their price, and requests to the vendor."""
