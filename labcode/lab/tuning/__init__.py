"""Tuning of the regression: our first version's search and its fault, a sound search, and what it bought."""
