"""Choices of the experiments that pages name too: constants alone, so that a page need not load what trains."""

from __future__ import annotations

from typing import Any

#: Labels in alphabetical order, as everywhere here, and what scalars call them.
CLASSES = {
    "Heat Dissipation Failure": "heat_dissipation",
    "No Failure": "no_failure",
    "Overstrain Failure": "overstrain",
    "Power Failure": "power",
    "Random Failures": "random",
    "Tool Wear Failure": "tool_wear",
}
#: Places of two labels among them.
NORMAL, RANDOM = list(CLASSES.values()).index("no_failure"), list(CLASSES.values()).index("random")
#: The network that tells failures apart: settings of a :class:`~labcode.training.TabularClassifier`.
NETWORK: dict[str, Any] = {
    "hidden": (64, 32),
    "optimizer": "adamw",
    "lr": 0.01,
    "weight_decay": 0.01,
    "l1": 1e-4,
    "schedule": "onecycle",
    "batch_size": 128,
    "max_epochs": 40,
}
#: Least gain, G, of a question that a tree asks for that network.
MIN_GAIN = 15.0
#: The variant of the tried ones that the sound experiment trusts, and what its ensemble is called beside it.
CHOSEN, ENSEMBLE = "questions that pass a test", "the ensemble"

#: Epochs at which the regularised and the plain run are compared: those that the original printed, and its last.
LIKE_EPOCHS = (0, 10, 19)
#: The epoch of the plain run that the original set beside epoch 10 of the regularised one.
UNLIKE_EPOCH = 40
