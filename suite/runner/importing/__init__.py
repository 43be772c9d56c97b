"""Tables of published results, read as results without predictions: ranked and drawn like one's own."""
