"""Exported files of kept models: written, made smaller, run in their own runtime, described."""
