"""Predicting the close of a day: our first version, what needs no network, the repair, the result, the next day."""
