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

#: How the network for prices trains: defaults of a :class:`~labcode.experiments.price_models.ClosePredictor`.
PRICE_TRAINING: dict[str, Any] = {"batch_size": 1024, "max_epochs": 4, "lr": 3e-3}
#: One change at a time, from the original's network on the split by date to one that knows what it should predict.
STEPS: dict[str, dict[str, Any]] = {
    "as submitted": {
        "view": "levels",
        "standardize_target": False,
        "batch_size": "full",
        "max_epochs": 50,
        "lr": 1e-3,
        "schedule": None,
    },
    "target scaled": {"view": "levels", "batch_size": "full", "max_epochs": 50, "lr": 1e-3, "schedule": None},
    "mini-batches": {"view": "levels", "max_epochs": 10, "lr": 1e-3, "schedule": None},
    "learning-rate schedule": {"view": "levels", "max_epochs": 10},
    "logarithms": {"view": "logs", "max_epochs": 10},
    "relative to the midpoint": {"view": "relative"},
    "position in the range": {"view": "position"},
}

#: Epochs at which the regularised and the plain run are compared: those that the original printed, and its last.
LIKE_EPOCHS = (0, 10, 19)
#: The epoch of the plain run that the original set beside epoch 10 of the regularised one.
UNLIKE_EPOCH = 40
