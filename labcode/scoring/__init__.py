"""Scores, their intervals, and how rows are split: one of each."""
