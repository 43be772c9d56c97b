"""One comparison of methods over several data sets: ranks, tests, sentences."""
