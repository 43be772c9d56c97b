"""The funnel: what each of its stages asks, by what rule a model is dropped, and what is kept of that."""
