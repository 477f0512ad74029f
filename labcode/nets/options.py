"""Which values of an estimator's parameters can work: those that cannot are named, with what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from skorch.callbacks import Callback

from labcode.nets.loop import Schedule

if TYPE_CHECKING:
    from labcode.nets.base import TabularEstimator

#: What skorch calls for each batch, and the loop here does not.
BATCH_CALLS = ("on_batch_begin", "on_batch_end", "on_grad_computed")
COUNT = "a whole number >= 1"


def is_count(value: object) -> bool:
    """Whether the value is a whole number of at least 1."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and int(value) >= 1


def hears_batches(callback: Any) -> bool:
    """Whether a callback (or one with its name, as skorch takes them) waits for batches or gradients."""
    callback = callback[1] if isinstance(callback, tuple) else callback
    kind = callback if isinstance(callback, type) else type(callback)
    return any(getattr(kind, name, None) is not getattr(Callback, name) for name in BATCH_CALLS)


def named(estimator: TabularEstimator, name: str) -> str:
    """A parameter with its value, as one would type it."""
    return f"{type(estimator).__name__}({name}={getattr(estimator, name)!r})"


def check_options(own: TabularEstimator) -> None:
    """Refuse parameter values that cannot work: a `ValueError` for the first of them."""
    layers = isinstance(own.hidden, Sequence) and all(map(is_count, own.hidden))
    rules: list[tuple[str, bool, str]] = [
        ("loss", callable(own.loss) or own.loss in own.losses, f"{' or '.join(own.losses)}, or a function"),
        ("hidden", layers, "the units of each layer, such as (64, 32)"),
        ("dropout", 0.0 <= own.dropout < 1.0, "at least 0 and below 1"),
        ("optimizer", own.optimizer in ("adam", "adamw", "sgd"), "one of adam, adamw, sgd"),
        ("schedule", own.schedule in (None, *get_args(Schedule)), "None or 'onecycle'"),
        ("batch_size", own.batch_size == "full" or is_count(own.batch_size), f"{COUNT}, or 'full'"),
        ("max_epochs", is_count(own.max_epochs), COUNT),
        ("patience", own.patience is None or is_count(own.patience), f"None or {COUNT}"),
        ("validation_fraction", 0.0 < own.validation_fraction < 1.0, "between 0 and 1"),
        ("lr", own.lr > 0.0, "above 0"),
        *((name, getattr(own, name) >= 0.0, ">= 0") for name in ("weight_decay", "l1", "input_noise")),
        (
            "callbacks",
            not any(map(hears_batches, own.callbacks or [])),
            "callbacks for epochs, but one of these waits for batches; history_ has the loss and the scores of every "
            "epoch, and schedule='onecycle' moves the learning rate",
        ),
    ]
    for name, holds, expected in rules:
        if not holds:
            raise ValueError(f"{named(own, name)} cannot work; expected {expected}.")
