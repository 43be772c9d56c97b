"""What is written to disk and read back: results, outputs, export cards, findings; frozen and versioned."""
