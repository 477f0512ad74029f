"""The data before any model: what the rows are, and what would fool us into believing a score."""
