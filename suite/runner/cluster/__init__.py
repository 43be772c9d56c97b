"""Trials on the machines of a Ray cluster; the only part of the suite that knows Ray."""
