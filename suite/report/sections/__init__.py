"""The sections of a report, each ready for the HTML page and its Markdown twin."""
