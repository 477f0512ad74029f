"""The experiment on holding the network back: strengths from inner folds, gains over seeds and rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labcode.data.types import Dataset
from labcode.lab.classification.needs import enough_of_each
from labcode.lab.classification.network import failure_networks, seen_by_network
from labcode.lab.classification.regularizing_results import HeldBack, HeldBackBy
from labcode.lab.classification.resamples import drawn_macro_f1, drawn_means, estimate, row_draws, seed_draws
from labcode.lab.classification.rows import (
    N_CLASSES,
    FailureRows,
    Fold,
    confusion_counts,
    failure_rows,
    folds_of,
    in_all_classes,
    row_losses,
)
from labcode.lab.classification.settings import Contest, HoldingBack, Network, NetworkChoice
from labcode.lab.config import configured
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Experiment, Progress
from labcode.results.number import Number
from labcode.results.store import Result
from labcode.scoring.scores import macro_f1
from labcode.settings import Profile

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
#: Parameters of a network that differ from those of the one without regularization.
Changes = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class HeldBackSpec:
    """What is compared, and the network that is held back: with the settings that it starts from in the contest."""

    holding: HoldingBack
    network: Network
    start: NetworkChoice


@dataclass(frozen=True, kw_only=True)
class Task:
    """Networks to train together on the training rows of a fold; each has its own changes and its own seed.

    They are asked after the last epoch, and after the epoch ``stop`` where there is one. ``watched`` are lists of
    networks whose mean is asked after every epoch.
    """

    network: Network
    rows: FailureRows
    fold: Fold
    changes: Sequence[Changes]
    seeds: Sequence[int]
    epochs: int
    stop: int | None = None
    watched: Sequence[Sequence[int]] = ()


@dataclass(frozen=True, eq=False)
class Answer:
    """What the networks of a task say.

    Shape
    -----
    ``held``, ``train`` ``(k, n, 6)``: probabilities of held-out and of training rows after the last epoch;
    ``held_stopped``, ``train_stopped`` the same after an earlier one, of no network where there is none. ``curves``
    ``(n_watched, epochs, 4)``: log loss of training and of held-out rows, then accuracy of both.
    """

    held: Floats
    train: Floats
    held_stopped: Floats
    train_stopped: Floats
    curves: Floats


def trained(task: Task) -> Answer:
    """Encode, train all networks of the task as one, and ask them."""
    from labcode.lab.classification.regularizing_fast import TrainedFold
    from labcode.nets.together import TrainingRows

    fit, held = task.fold
    labels = task.rows.labels[fit]
    seen, _ = seen_by_network(task.network, task.rows.X.iloc[fit], labels, [task.rows.X.iloc[held]])
    inputs = dict(zip(("fit", "held"), seen, strict=True))
    free = NetworkChoice(weights=0.0, l1=0.0)
    networks = [
        failure_networks(task.network, free, labels, range(seed, seed + 1))[0].set_params(
            max_epochs=task.epochs, **{"weight_decay": 0.0, **changes}
        )
        for changes, seed in zip(task.changes, task.seeds, strict=True)
    ]
    group = TrainedFold(networks, TrainingRows(inputs["fit"], labels))
    known = np.unique(labels)

    def asked(name: str, epoch: int, members: Sequence[int]) -> Floats:
        return in_all_classes(group.probabilities(inputs[name], epoch, members), known)

    def watched(epoch: int, members: Sequence[int]) -> list[float]:
        means = [asked(name, epoch, members).mean(axis=0) for name in ("fit", "held")]
        actual = [task.rows.y[places] for places in (fit, held)]
        losses = [float(row_losses(y, mean).mean()) for mean, y in zip(means, actual, strict=True)]
        return losses + [float((mean.argmax(axis=1) == y).mean()) for mean, y in zip(means, actual, strict=True)]

    everyone = range(len(networks))
    empty = np.zeros((0, 0, N_CLASSES))
    held_stopped, train_stopped = (
        empty if task.stop is None else asked(name, task.stop, everyone) for name in ("held", "fit")
    )
    curves = [[watched(epoch, own) for epoch in range(task.epochs)] for own in task.watched]
    return Answer(
        asked("held", -1, everyone),
        asked("fit", -1, everyone),
        held_stopped,
        train_stopped,
        np.array(curves).reshape(-1, task.epochs, 4),
    )


def run_held_back(
    spec: HeldBackSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> HeldBack:
    """Choose each technique's strength inside every fold, train with it, and compare with none."""
    from labcode.lab.classification.regularizing import TECHNIQUES

    holding = spec.holding
    rows = failure_rows(data["maintenance"].frame)
    folds = folds_of(rows.labels, holding.folds)
    chosen = _choices(spec, rows, folds, lambda share: progress(0.45 * share))
    tasks = [task for number, fold in enumerate(folds) for task in _tasks(spec, rows, fold, chosen[number], number)]
    answers = in_parallel(trained, [(task,) for task in tasks], done=lambda share: progress(0.45 + 0.5 * share))
    names = ("none", *TECHNIQUES)
    held = np.zeros((len(names), holding.seeds, len(rows), N_CLASSES))
    train = np.zeros((len(names), len(folds)))
    curves = np.zeros((len(names), holding.epochs, 4))
    fold_of = np.zeros(len(rows), dtype=np.int64)
    for number, (fit, out) in enumerate(folds):
        fold_of[out] = number
        free, others = answers[2 * number : 2 * number + 2]
        held[:, :, out], of_train = _of_fold(holding, free, others)
        train[:, number] = [_macro_f1(rows.y[fit], each) for each in of_train]
        single, whole = free.curves
        # None, the five with a strength, the early stop (which trains as none does), the ensemble, the recipe.
        curves += np.stack([single, *others.curves[:-1], single, whole, others.curves[-1]]) / len(folds)
    return _compared(holding, rows.y, fold_of, names, held, train, curves, chosen)


def _choices(
    spec: HeldBackSpec, rows: FailureRows, folds: Sequence[Fold], progress: Progress
) -> list[dict[str, float]]:
    """For each fold the strengths that its inner folds choose, and under ``stopping`` the epoch, from 0."""
    from labcode.lab.classification.regularizing import PARAMETER, best_epoch, best_strength

    holding = spec.holding
    candidates = [(name, strength) for name in PARAMETER for strength in getattr(holding, name)]
    changes: list[Changes] = [{}, *({PARAMETER[name]: strength} for name, strength in candidates)]
    tasks = []
    for number, (fit, _) in enumerate(folds):
        for own, held in folds_of(rows.labels[fit], holding.inner_folds):
            seeds = [100 * number] * len(changes)
            fold = (fit[own], fit[held])
            tasks.append(_task(spec, rows=rows, fold=fold, changes=changes, seeds=seeds, watched=[[0]]))
    answers = in_parallel(trained, [(task,) for task in tasks], done=progress)
    found = []
    for number in range(len(folds)):
        places = range(number * holding.inner_folds, (number + 1) * holding.inner_folds)
        losses = np.concatenate([row_losses(rows.y[tasks[i].fold[1]], answers[i].held) for i in places], axis=1)
        own_choice = {
            name: best_strength({s: losses[1 + candidates.index((name, s))] for s in getattr(holding, name)})
            for name in PARAMETER
        }
        curves = np.stack([answers[i].curves[0, :, 1] for i in places])
        found.append(own_choice | {"stopping": float(best_epoch(curves))})
    return found


def _tasks(spec: HeldBackSpec, rows: FailureRows, fold: Fold, chosen: Mapping[str, float], number: int) -> list[Task]:
    """Two tasks of a fold: networks without regularization, all members of all ensembles; and all others."""
    from labcode.lab.classification.regularizing import PARAMETER

    holding = spec.holding
    members = [100 * number + i for i in range(holding.seeds * holding.members)]
    singles = members[:: holding.members]
    recipe = {"weight_decay": spec.network.weight_decay, "l1": spec.start.l1}
    changes = [*({PARAMETER[name]: chosen[name]} for name in PARAMETER), recipe]
    free = _task(
        spec,
        rows=rows,
        fold=fold,
        changes=[{} for _ in members],
        seeds=members,
        stop=int(chosen["stopping"]),
        watched=[[0], list(range(holding.members))],
    )
    others = _task(
        spec,
        rows=rows,
        fold=fold,
        changes=[change for change in changes for _ in singles],
        seeds=singles * len(changes),
        watched=[[i * len(singles)] for i in range(len(changes))],
    )
    return [free, others]


def _task(spec: HeldBackSpec, **options: Any) -> Task:
    return Task(network=spec.network, epochs=spec.holding.epochs, **options)


def _of_fold(spec: HoldingBack, free: Answer, others: Answer) -> list[Floats]:
    """Probabilities of held-out and of training rows, each ``(n_techniques + 1, n_seeds, n, 6)``."""

    def arranged(last: Floats, stopped: Floats, rest: Floats) -> Floats:
        by_ensemble = last.reshape(spec.seeds, spec.members, *last.shape[1:])
        of_others = rest.reshape(-1, spec.seeds, *rest.shape[1:])
        none, whole, early = by_ensemble[:, 0], by_ensemble.mean(axis=1), stopped[:: spec.members]
        return np.stack([none, *of_others[:-1], early, whole, of_others[-1]])

    return [
        arranged(free.held, free.held_stopped, others.held),
        arranged(free.train, free.train_stopped, others.train),
    ]


def _macro_f1(y: Places, probabilities: Floats) -> float:
    """Mean over seeds of macro-F1, of probabilities ``(n_seeds, n, 6)``."""
    return float(macro_f1(np.stack([confusion_counts(y, own.argmax(axis=1)) for own in probabilities])).mean())


def _compared(
    spec: HoldingBack,
    y: Places,
    fold_of: Places,
    names: Sequence[str],
    held: Floats,
    train: Floats,
    curves: Floats,
    chosen: Sequence[Mapping[str, float]],
) -> HeldBack:
    counts, weights = row_draws(y, spec.draws), seed_draws(spec.folds, spec.seeds, spec.draws)
    loss = drawn_means(row_losses(y, held), fold_of, counts, weights)
    f1 = drawn_macro_f1(y, held.argmax(axis=-1), fold_of, counts, weights, N_CLASSES)
    tried = len(names) - 1
    picked = np.array([[own.get(name, 0.0) + (name == "stopping") for own in chosen] for name in names])
    found = {}
    for i, name in enumerate(names):
        saved, gained = 1 - loss[i] / loss[0], f1[i] - f1[0]
        found[name] = HeldBackBy(
            log_loss=estimate(loss[i]),
            log_loss_gain_joint=estimate(saved, 2 * tried),
            macro_f1=estimate(f1[i]),
            gain=estimate(gained),
            gain_joint=estimate(gained, 2 * tried),
            train_macro_f1=Number(float(train[i].mean())),
            strength=Number(float(np.median(picked[i]))),
        )
    return HeldBack(
        techniques=found,
        seeds=spec.seeds,
        folds=spec.folds,
        epochs=spec.epochs,
        tried=Number(tried),
        best=max(names, key=lambda name: found[name].log_loss_gain_joint.value),
        least_loss_epoch=Number(int(curves[0, :, 1].argmin()) + 1),
        least_loss=Number(float(curves[0, :, 1].min())),
        last_loss=Number(float(curves[0, -1, 1])),
        chosen=picked,
        curves=curves[..., :2],
        accuracy_curves=curves[..., 2:],
    )


def _spec(profile: Profile) -> HeldBackSpec:
    return HeldBackSpec(
        holding=configured(HoldingBack, "classification.regularizing", profile=profile),
        network=configured(Network, "classification.network", profile=profile),
        start=configured(Contest, "classification.contest", profile=profile).network[0],
    )


EXPERIMENTS = (
    Experiment(
        name="classification/held-back",
        run=run_held_back,
        spec=_spec("full"),
        quick=_spec("quick"),
        datasets=("maintenance",),
        lacks=enough_of_each,
        seconds=95,
    ),
)
