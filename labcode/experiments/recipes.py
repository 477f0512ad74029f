"""Choices of the older experiments that pages name too: constants alone, so that a page need not load what trains."""

from __future__ import annotations

#: Least gain, G, of a question that a tree asks for that network.
MIN_GAIN = 15.0
#: The variant of the tried ones that the sound experiment trusts, and what its ensemble is called beside it.
CHOSEN, ENSEMBLE = "questions that pass a test", "the ensemble"

#: Epochs at which the regularised and the plain run are compared: those that the original printed, and its last.
LIKE_EPOCHS = (0, 10, 19)
#: The epoch of the plain run that the original set beside epoch 10 of the regularised one.
UNLIKE_EPOCH = 40
