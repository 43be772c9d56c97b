"""Runs as Markdown in somebody's project of MkDocs, Hugo or Jekyll."""
