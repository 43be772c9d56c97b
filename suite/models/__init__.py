"""Backbones and tokenizers with the preprocessing that belongs to their weights, one file per source."""
