"""Speeds, each measured against its peer in the same run: `python -m benchmarks`."""
