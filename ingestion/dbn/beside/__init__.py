"""What a delivery has beside its data: the manifest, the condition of each day, definitions of contracts."""
