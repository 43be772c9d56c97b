"""Model files, one format per file: writing them, making them smaller, running them."""
