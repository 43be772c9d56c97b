"""A published site in a real browser: Playwright drives Debian's chromium."""
