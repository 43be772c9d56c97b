"""Examples and labels from anywhere: sources, splits, decoding, transforms, batches, corruptions."""
