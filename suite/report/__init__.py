"""Comparison and charts to one HTML page and its Markdown twin, through ``templates/report``."""

from suite.report.writing import Written, write_report

__all__ = ["Written", "write_report"]
