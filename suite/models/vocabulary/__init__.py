"""Vocabularies of tokenisers, trained on texts: one file per kind. The same texts give the same vocabulary."""
