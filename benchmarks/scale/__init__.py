"""What scale costs: a store with a million results."""
