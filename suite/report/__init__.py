"""Comparison and charts to one HTML page and its Markdown twin, through ``templates/report``."""
