"""Checks of plans, data and results: what would make a comparison misleading. One file per check."""
