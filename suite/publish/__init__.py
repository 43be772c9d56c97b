"""Runs to a static site, a live page or another program: targets, generators, destinations."""
