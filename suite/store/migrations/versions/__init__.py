"""One revision of the results database per file."""
