"""Many networks trained as one: see :func:`fit_together`.

A step of a small network costs more in bookkeeping than in arithmetic. Where the weights of many networks lie in one
matrix, a layer of all of them is one batched matrix product, and forward, backward and the optimiser are called once.
"""

from __future__ import annotations

import time
import warnings
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.base import clone

from labcode.nets.base import TabularEstimator
from labcode.nets.batched_mlp import Group, Member
from labcode.nets.batches import CACHE_BYTES, Rows, threads_for
from labcode.nets.device import pick_device
from labcode.nets.loop import DivergedError
from labcode.nets.options import check_options
from labcode.nets.processes import in_parallel

#: Most networks of a group on a CPU: with more, a step costs hardly less for each, and other processes go idle.
GROUP_SIZE = 16
#: Bytes that the networks of a group may need; beyond them, groups take turns.
GROUP_BYTES = 2**30
#: Parameters that change neither the rows of a step nor their order, and may differ in networks that train together.
OF_TRAINING = ("lr", "weight_decay", "l1", "dropout", "schedule", "max_epochs")
#: Parameters that change the rows or their order, and may differ as well.
OF_ROWS = ("random_state", "input_noise", "shuffle", "standardize_target", "class_weight")
#: Parameters without effect on a network that trains with others.
WITHOUT_EFFECT = ("validation_fraction", "patience", "callbacks", "module")


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """Rows to train on; networks that are given the same object share it, in memory and on the device.

    ``X`` ``(n, n_features)``, ``y`` ``(n,)`` or ``(n, n_targets)``, ``sample_weight`` ``(n,)`` or ``None``.
    """

    X: Any
    y: Any
    sample_weight: Any = None


@dataclass(frozen=True, eq=False)
class Fit:
    """What became of an estimator: fitted, or an error; ``seconds`` is its share of the time that its group took.

    ``warning`` says why a group that should have trained as one did not.
    """

    estimator: Any
    error: Exception | None
    seconds: float
    warning: str = ""


def fit_together(
    estimators: Sequence[TabularEstimator], rows: Sequence[TrainingRows], *, n_jobs: int | None = None
) -> list[Fit]:
    """Fit clones of estimators, each on rows of its own, those of one shape in one batched network.

    Each becomes the network that ``fit`` alone would make of it, up to rounding: the same initial weights, row order
    and, on a CPU, dropout masks. One with patience, callbacks or a module of its own is fitted alone, and so is a group
    whose loss cannot be called for many networks at once; a warning says so. Of the history, networks that trained as
    one have ``train_loss`` and ``lr``.

    The estimators are unfitted `TabularRegressor` or `TabularClassifier` objects, with the rows of each; ``n_jobs``
    counts processes as in scikit-learn: ``None`` for this one alone, -1 for one a core. Gives a :class:`Fit` for each,
    in order. One that cannot be fitted does not affect the others.

    >>> from labcode.nets.estimators import TabularRegressor
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> rows = TrainingRows(X, X[:, 0] * X[:, 1])
    >>> networks = [TabularRegressor(lr=lr, max_epochs=5, random_state=0) for lr in (0.001, 0.01)]
    >>> slow, fast = (fit.estimator for fit in fit_together(networks, [rows, rows]))
    >>> slow.score(X, rows.y) < fast.score(X, rows.y)
    True
    """
    groups = group_members(estimators, rows)
    tasks = [([estimators[i] for i in group], [rows[i] for i in group]) for group in groups]
    fits: dict[int, Fit] = {}
    for group, fitted in zip(groups, in_parallel(fit_group, tasks, n_jobs=n_jobs), strict=True):
        fits |= dict(zip(group, fitted, strict=True))
    for warning in {fit.warning: None for fit in fits.values() if fit.warning}:
        warnings.warn(warning, UserWarning, stacklevel=2)
    return [fits[i] for i in range(len(estimators))]


def group_members(estimators: Sequence[TabularEstimator], rows: Sequence[TrainingRows]) -> list[list[int]]:
    """Positions of the estimators that train together: of one shape, and within `GROUP_BYTES`.

    On a CPU a group also has at most `GROUP_SIZE` members, and its activations fit the cache, beyond which it would be
    slower. Groups do not depend on how many processes there are, since the last bits of a product depend on how many
    are computed together. Those with the most work come first.
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
        members.sort(key=lambda i: (-work([i]), first_with[id(rows[i])], i))
        groups += _cut(members, estimators, rows)
    return [*sorted(groups, key=work, reverse=True), *alone]


def _cut(
    members: Sequence[int], estimators: Sequence[TabularEstimator], rows: Sequence[TrainingRows]
) -> list[list[int]]:
    """Members of one shape, in groups that are not too large."""
    on_cpu = pick_device(estimators[members[0]].device).type == "cpu"
    pieces = -(-len(members) // GROUP_SIZE) if on_cpu else 1
    groups: list[list[int]] = [[]]
    for i in members:
        larger = [*groups[-1], i]
        crowded = on_cpu and sum(activation_bytes(estimators[j], rows[j]) for j in larger) > CACHE_BYTES
        large = crowded or group_bytes(larger, estimators, rows) > GROUP_BYTES
        if groups[-1] and (large or len(groups[-1]) >= len(members) / pieces):
            groups.append([])
        groups[-1].append(i)
    return groups


def _shape(estimator: TabularEstimator, rows: TrainingRows) -> Hashable | None:
    """What networks that train together have in common; ``None`` for one that cannot, or that will not train at all."""
    if estimator.module or estimator.patience or estimator.callbacks:
        return None
    try:
        check_options(estimator)
        pick_device(estimator.device)
        return _common(estimator, rows)
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
    batch = int(n) if estimator.batch_size == "full" else min(int(n), int(estimator.batch_size))
    return 4.0 * batch * (int(n_features) + sum(estimator.hidden))


def group_bytes(members: Sequence[int], estimators: Sequence[TabularEstimator], rows: Sequence[TrainingRows]) -> float:
    """Bytes that training these together needs: weights, a step's activations, and the rows with a shuffled copy.

    Weights come with gradients, two moments and a copy; activations with products, gradients and masks.
    """
    total = 0.0
    of_rows: dict[Hashable, float] = {}
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
    warning = ""
    if len(clones) == 1:
        errors = [fit_error(clones[0], rows[0].X, rows[0].y, sample_weight=rows[0].sample_weight)]
    else:
        errors, warning = _fit_as_one(clones, rows)
    seconds = (time.perf_counter() - started) / len(clones)
    return [Fit(None if error else own, error, seconds, warning) for own, error in zip(clones, errors, strict=True)]


def fit_error(estimator: Any, X: Any, y: Any, **params: Any) -> Exception | None:
    """Fit an estimator; what went wrong, since as in scikit-learn one that cannot be fitted leaves the others alone."""
    try:
        estimator.fit(X, y, **params)
    except Exception as error:
        return error
    return None


def _fit_as_one(
    estimators: Sequence[TabularEstimator], rows: Sequence[TrainingRows]
) -> tuple[list[Exception | None], str]:
    on_device: dict[Hashable, Rows] = {}
    errors: list[Exception | None] = [None] * len(estimators)
    members: dict[int, Member] = {}
    for i, (estimator, own) in enumerate(zip(estimators, rows, strict=True)):
        try:
            order = row_order(estimator, own)
            members[i] = Member.prepare(estimator, (own.X, own.y, own.sample_weight), order, on_device)
        except Exception as error:  # as above
            errors[i] = error
    warning = ""
    try:
        found = _train_as_one(list(members.values())) if members else []
    except Exception as failure:  # a loss of one's own that cannot be called for many networks, or fails in one
        reason = f"{type(failure).__name__}: {failure}".splitlines()[0]
        warning = f"{len(members)} networks could not train as one and were trained one by one, slowly ({reason})."
        found = [fit_error(estimators[i], rows[i].X, rows[i].y, sample_weight=rows[i].sample_weight) for i in members]
    for i, own_error in zip(members, found, strict=True):
        errors[i] = own_error
    return errors, warning


def _train_as_one(members: Sequence[Member]) -> list[Exception | None]:
    """Train members of one shape and finish them; the exception of each that failed."""
    group = Group(members)
    # One thread: a second one gains little here, and waits for long on a busy machine. Groups go to other processes.
    with threads_for(1, members[0].net.module_):
        losses = group.train()
    failures: dict[int, Exception | None] = {id(member): None for member in members}
    for member, own in zip(group.members, losses, strict=True):
        try:
            member.finish(own)
        except DivergedError as error:
            failures[id(member)] = error
    return list(failures.values())
