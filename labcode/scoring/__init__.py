"""Scores of predictions, and their intervals: one confusion count, one bootstrap."""
