"""Many networks of one shape trained as one: see :func:`fit_together`.

A step of a small network costs more in bookkeeping than in arithmetic. Where the weights of many networks lie in one
matrix, a layer of all of them is one batched matrix product, and forward, backward and the optimiser are called once.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.base import clone

from labcode.nets.base import TabularEstimator
from labcode.nets.batched_mlp import Member, train_together
from labcode.nets.device import pick_device
from labcode.nets.loop import CACHE_BYTES, Rows
from labcode.nets.processes import in_parallel

#: Most networks of a group on a CPU: with more, a step costs hardly less for each, and other processes go idle.
GROUP_SIZE = 16
#: Parameters that change neither the rows of a step nor their order, and may differ in networks that train together.
OF_TRAINING = ("lr", "weight_decay", "momentum", "l1", "dropout", "schedule", "max_epochs")
#: Parameters that change the rows or their order, and may differ as well.
OF_ROWS = ("random_state", "input_noise", "shuffle", "standardize_target", "class_weight")
#: Parameters without effect on a network that trains with others.
WITHOUT_EFFECT = ("validation_fraction", "evaluate_train", "chunk_rows", "patience", "callbacks", "module")


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """Rows to train on; networks that are given the same object share it, in memory and on the device.

    Shape
    -----
    ``X`` ``(n, n_features)``, ``y`` ``(n,)`` or ``(n, n_targets)``, ``sample_weight`` ``(n,)`` or ``None``.
    """

    X: Any
    y: Any
    sample_weight: Any = None


@dataclass(frozen=True, eq=False)
class Fit:
    """What became of an estimator: fitted, or an error; ``seconds`` is its share of the time that its group took."""

    estimator: TabularEstimator | None
    error: Exception | None
    seconds: float


def can_be_stacked(estimator: TabularEstimator) -> bool:
    """Whether a network can train with others: an MLP without batch norm, patience, callbacks and a second scoring."""
    alone = (estimator.module, estimator.patience, estimator.callbacks, estimator.evaluate_train, estimator.batch_norm)
    return not any(alone)


def fit_together(
    estimators: Sequence[TabularEstimator],
    rows: Sequence[TrainingRows],
    *,
    n_jobs: int | None = None,
    memory_mb: float = 1024.0,
) -> list[Fit]:
    """Fit clones of estimators, each on rows of its own, those of one shape in one batched network.

    Each becomes the network that ``fit`` alone would make of it, up to rounding: the same initial weights, row order
    and, on a CPU, dropout masks. What cannot be stacked (see :func:`can_be_stacked`) is fitted alone. Of the history,
    stacked networks have ``train_loss`` and ``lr``.

    Parameters
    ----------
    estimators
        Unfitted `TabularRegressor` or `TabularClassifier` objects.
    rows
        The rows of each.
    n_jobs
        Processes, as in scikit-learn: ``None`` for this one alone, -1 for one a core.
    memory_mb
        Megabytes that the networks which train at a time in a process may need; beyond them, groups take turns.

    Returns
    -------
    list
        A :class:`Fit` for each, in order. One that cannot be fitted does not affect the others.

    Examples
    --------
    >>> from labcode.nets.estimators import TabularRegressor
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> rows = TrainingRows(X, X[:, 0] * X[:, 1])
    >>> networks = [TabularRegressor(lr=lr, max_epochs=5, random_state=0) for lr in (0.001, 0.01)]
    >>> slow, fast = (fit.estimator for fit in fit_together(networks, [rows, rows]))
    >>> slow.score(X, rows.y) < fast.score(X, rows.y)
    True
    """
    groups = group_members(estimators, rows, budget=memory_mb * 2**20)
    tasks = [([estimators[i] for i in group], [rows[i] for i in group]) for group in groups]
    answers: dict[int, Fit] = {}
    for group, fitted in zip(groups, in_parallel(fit_group, tasks, n_jobs=n_jobs), strict=True):
        answers |= dict(zip(group, fitted, strict=True))
    return [answers[i] for i in range(len(estimators))]


def group_members(
    estimators: Sequence[TabularEstimator], rows: Sequence[TrainingRows], *, budget: float
) -> list[list[int]]:
    """Positions of the estimators that train together: of one shape, and within the budget in bytes.

    On a CPU a group also has at most `GROUP_SIZE` members, and its activations fit the cache, beyond which it would be
    slower, not faster. The groups do not depend on how many processes there are, since the last bits of a product
    depend on how many are computed together. Groups with the most work come first.
    """
    shapes: dict[Hashable, list[int]] = defaultdict(list)
    for i, estimator in enumerate(estimators):
        shape = _shape(estimator, rows[i])
        shapes[i if shape is None else shape].append(i)
    first_with = {id(own): i for i, own in reversed(list(enumerate(rows)))}

    def work(members: Sequence[int]) -> int:
        return sum(estimators[i].max_epochs * len(rows[i].X) for i in members)

    groups, alone = [], []
    for members in shapes.values():
        if len(members) == 1:
            alone.append(members)
            continue
        on_cpu = pick_device(estimators[members[0]].device).type == "cpu"
        members.sort(key=lambda i: (-work([i]), first_with[id(rows[i])], i))
        pieces = -(-len(members) // GROUP_SIZE) if on_cpu else 1
        group: list[int] = []
        for i in members:
            larger = [*group, i]
            crowded = on_cpu and sum(activation_bytes(estimators[j], rows[j]) for j in larger) > CACHE_BYTES
            large = crowded or group_bytes(larger, estimators, rows) > budget
            if group and (large or len(group) >= len(members) / pieces):
                groups.append(group)
                group = []
            group.append(i)
        groups.append(group)
    return [*sorted(groups, key=work, reverse=True), *alone]


def _shape(estimator: TabularEstimator, rows: TrainingRows) -> Hashable | None:
    """What networks that train together have in common; ``None`` for one that cannot, or that will not train at all."""
    try:
        estimator._check_options()
        activation_bytes(estimator, rows)
        pick_device(estimator.device)
        return _common(estimator, rows) if can_be_stacked(estimator) else None
    except Exception:  # its own fit says what is wrong
        return None


def _common(estimator: TabularEstimator, rows: TrainingRows) -> Hashable:
    apart = {*OF_TRAINING, *OF_ROWS, *WITHOUT_EFFECT}
    common = {name: value for name, value in estimator.get_params().items() if name not in apart}
    weighted = rows.sample_weight is not None or getattr(estimator, "class_weight", None) is not None
    outputs = np.unique(rows.y).tolist() if hasattr(estimator, "class_weight") else np.shape(rows.y)[1:]
    return type(estimator).__name__, repr(common), np.shape(rows.X)[1], repr(outputs), weighted


def row_order(estimator: TabularEstimator, rows: TrainingRows) -> Hashable:
    """Networks with equal answers see equal rows in equal order."""
    values = estimator.get_params()
    seed = values["random_state"]
    # A generator, or none, gives each network another order.
    own = None if isinstance(seed, (int, np.integer)) else id(estimator)
    return id(rows), own, repr([values[name] for name in OF_ROWS if name in values])


def activation_bytes(estimator: TabularEstimator, rows: TrainingRows) -> float:
    """Bytes of the inputs and the hidden units of a batch, once."""
    n, n_features = np.shape(rows.X)
    batch = n if estimator.batch_size == "full" else min(n, int(estimator.batch_size))
    return 4.0 * batch * (n_features + sum(estimator.hidden))


def group_bytes(members: Sequence[int], estimators: Sequence[TabularEstimator], rows: Sequence[TrainingRows]) -> float:
    """Bytes that training these together needs: weights, a step's activations, and the rows with a shuffled copy.

    Weights come with gradients, two moments and a copy; activations with products, gradients and masks.
    """
    total, of_rows = 0.0, {}
    for i in members:
        n, n_features = np.shape(rows[i].X)
        weights = sum((inputs + 1) * units for inputs, units in pairwise([n_features, *estimators[i].hidden]))
        total += 5 * 4.0 * weights + 4 * activation_bytes(estimators[i], rows[i])
        of_rows[row_order(estimators[i], rows[i])] = 2 * 4.0 * n * (n_features + 2)
    return total + sum(of_rows.values())


def fit_group(estimators: Sequence[TabularEstimator], rows: Sequence[TrainingRows]) -> list[Fit]:
    """Fit clones of estimators of one shape together; see :func:`fit_together`."""
    started = time.perf_counter()
    clones = [clone(estimator) for estimator in estimators]
    errors = _fit_alone(clones, rows) if len(clones) == 1 else _fit_stacked(clones, rows)
    seconds = (time.perf_counter() - started) / len(clones)
    return [Fit(None if error else estimator, error, seconds) for estimator, error in zip(clones, errors, strict=True)]


def _fit_alone(estimators: Sequence[TabularEstimator], rows: Sequence[TrainingRows]) -> list[Exception | None]:
    try:
        for estimator, own in zip(estimators, rows, strict=True):
            estimator.fit(own.X, own.y, sample_weight=own.sample_weight)
    except Exception as error:  # as in scikit-learn, a candidate that cannot be fitted leaves the others alone
        return [error]
    return [None]


def _fit_stacked(estimators: Sequence[TabularEstimator], rows: Sequence[TrainingRows]) -> list[Exception | None]:
    on_device: dict[Hashable, Rows] = {}
    errors: list[Exception | None] = [None] * len(estimators)
    members: dict[int, Member] = {}
    for i, (estimator, own) in enumerate(zip(estimators, rows, strict=True)):
        try:
            order = row_order(estimator, own)
            members[i] = Member.prepare(estimator, (own.X, own.y, own.sample_weight), order, on_device)
        except Exception as error:  # as above
            errors[i] = error
    if not members:
        return errors
    try:
        found = train_together(list(members.values()))
    except Exception:  # a loss of one's own that cannot be called for many networks at once, or fails in one of them
        found = [_fit_alone([estimators[i]], [rows[i]])[0] for i in members]
    for i, error in zip(members, found, strict=True):
        errors[i] = error
    return errors
