"""What is known of a cell beyond its test set: corruptions, confidence, unknown classes, other data sets."""
