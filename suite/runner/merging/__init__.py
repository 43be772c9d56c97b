"""Results of several machines joined in one run: each trial once, nothing lost."""
