"""Evidence of cells to intervals, tests and ranks: arrays in, numbers out."""
