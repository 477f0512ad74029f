"""The experiment on holding the network back: strengths from inner folds, gains over seeds and rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

import numpy as np

from labcode.lab.classification.network import failure_networks, seen_by_network
from labcode.lab.classification.regularizing_results import HeldBack, HeldBackBy
from labcode.lab.classification.rows import (
    N_CLASSES,
    FailureRows,
    Fold,
    Numbers,
    confusion_counts,
    failure_rows,
    folds_of,
    in_all_classes,
    row_losses,
)
from labcode.lab.classification.settings import Contest, HoldingBack, Network, NetworkChoice
from labcode.lab.config import configured
from labcode.lab.needs import on_machines
from labcode.lab.quantities import Data, Stored, estimate
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.scoring.resamples import drawn_macro_f1, drawn_means, row_draws, seed_draws
from labcode.scoring.scores import Floats, macro_f1

#: Parameters of a network that differ from those of the one without regularization.
Changes = dict[str, Any]


def _start() -> NetworkChoice:
    return configured(Contest, "classification.contest").network[0]


@dataclass(frozen=True, kw_only=True)
class HeldBackSpec:
    """What is compared, and the network that is held back: with the settings that it starts from in the contest."""

    holding: Annotated[HoldingBack, "classification.regularizing"]
    network: Annotated[Network, "classification.network"]
    start: NetworkChoice = field(default_factory=_start)


@dataclass(frozen=True, kw_only=True)
class Task:
    """Networks to train together on the training rows of a fold; each has its own changes and its own seed.

    They are asked after the last epoch, and after the epoch ``stop`` where there is one. ``watched`` are lists of
    networks whose mean is asked after every epoch.
    """

    spec: HeldBackSpec
    rows: FailureRows
    fold: Fold
    changes: Sequence[Changes]
    seeds: Sequence[int]
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

    (fit, held), epochs = task.fold, task.spec.holding.epochs
    labels = task.rows.labels[fit]
    seen, _ = seen_by_network(task.spec.network, task.rows.X.iloc[fit], labels, [task.rows.X.iloc[held]])
    inputs, actual = dict(zip(("fit", "held"), seen, strict=True)), [task.rows.y[places] for places in task.fold]
    free = NetworkChoice(weights=0.0, l1=0.0)
    networks = [
        failure_networks(task.spec.network, free, labels, range(seed, seed + 1))[0].set_params(
            max_epochs=epochs, **{"weight_decay": 0.0, **changes}
        )
        for changes, seed in zip(task.changes, task.seeds, strict=True)
    ]
    group, known = TrainedFold(networks, TrainingRows(seen[0], labels)), np.unique(labels)

    def asked(name: str, epoch: int | None, members: Sequence[int] = range(len(networks))) -> Floats:
        if epoch is None:
            return np.zeros((0, 0, N_CLASSES))
        return in_all_classes(group.probabilities(inputs[name], epoch, members), known)

    def watched(epoch: int, members: Sequence[int]) -> list[float]:
        means = [asked(name, epoch, members).mean(axis=0) for name in inputs]
        losses = [float(row_losses(y, mean).mean()) for mean, y in zip(means, actual, strict=True)]
        return losses + [float((mean.argmax(axis=1) == y).mean()) for mean, y in zip(means, actual, strict=True)]

    curves = [[watched(epoch, own) for epoch in range(epochs)] for own in task.watched]
    last, earlier = ([asked(name, epoch) for name in ("held", "fit")] for epoch in (-1, task.stop))
    return Answer(last[0], last[1], earlier[0], earlier[1], np.array(curves).reshape(-1, epochs, 4))


def run_held_back(spec: HeldBackSpec, *, data: Data, results: Stored, progress: Progress) -> HeldBack:
    """Choose each technique's strength inside every fold, train with it, and compare with none."""
    from labcode.lab.classification.regularizing import TECHNIQUES

    holding, rows = spec.holding, failure_rows(data["maintenance"].frame)
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
        held[:, :, out] = _arranged(holding, free.held, free.held_stopped, others.held)
        of_train = _arranged(holding, free.train, free.train_stopped, others.train)
        train[:, number] = macro_f1(confusion_counts(rows.y[fit], of_train.argmax(axis=-1))).mean(axis=1)
        single, whole = free.curves
        # None, the five with a strength, the early stop (which trains as none does), the ensemble, the recipe.
        curves += np.stack([single, *others.curves[:-1], single, whole, others.curves[-1]]) / len(folds)
    techniques = _compared(holding, rows.y, fold_of, dict(zip(names, held)), train, chosen)
    return HeldBack(
        techniques=techniques,
        seeds=holding.seeds,
        folds=holding.folds,
        epochs=holding.epochs,
        tried=Number(len(TECHNIQUES)),
        best=max(names, key=lambda name: techniques[name].log_loss_gain_joint.value),
        least_loss_epoch=Number(int(curves[0, :, 1].argmin()) + 1),
        least_loss=Number(float(curves[0, :, 1].min())),
        last_loss=Number(float(curves[0, -1, 1])),
        curves=curves[..., :2],
        accuracy_curves=curves[..., 2:],
    )


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
            options: Any = {"changes": changes, "seeds": [100 * number] * len(changes), "watched": [[0]]}
            tasks.append(Task(spec=spec, rows=rows, fold=(fit[own], fit[held]), **options))
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

    holding, common = spec.holding, partial(Task, spec=spec, rows=rows, fold=fold)
    members = [100 * number + i for i in range(holding.seeds * holding.members)]
    singles = members[:: holding.members]
    recipe = {"weight_decay": spec.network.weight_decay, "l1": spec.start.l1}
    changes = [*({PARAMETER[name]: chosen[name]} for name in PARAMETER), recipe]
    free: Any = {"changes": [{} for _ in members], "seeds": members, "stop": int(chosen["stopping"])}
    others: Any = {"changes": [change for change in changes for _ in singles], "seeds": singles * len(changes)}
    return [
        common(**free, watched=[[0], list(range(holding.members))]),
        common(**others, watched=[[i * len(singles)] for i in range(len(changes))]),
    ]


def _arranged(spec: HoldingBack, last: Floats, stopped: Floats, others: Floats) -> Floats:
    """Probabilities by technique ``(n_techniques + 1, n_seeds, n, 6)``: of members of ensembles and of all others."""
    by_ensemble = last.reshape(spec.seeds, spec.members, *last.shape[1:])
    of_others = others.reshape(-1, spec.seeds, *others.shape[1:])
    none, whole, early = by_ensemble[:, 0], by_ensemble.mean(axis=1), stopped[:: spec.members]
    return np.stack([none, *of_others[:-1], early, whole, of_others[-1]])


def _compared(
    spec: HoldingBack,
    y: Numbers,
    fold_of: Numbers,
    held: Mapping[str, Floats],
    train: Floats,
    chosen: Sequence[Mapping[str, float]],
) -> dict[str, HeldBackBy]:
    """Each technique beside none, which comes first."""
    counts, weights = row_draws(y, spec.draws), seed_draws(spec.folds, spec.seeds, spec.draws)
    given, statements = np.stack(list(held.values())), 2 * (len(held) - 1)
    loss = drawn_means(row_losses(y, given), fold_of, counts, weights)
    f1 = drawn_macro_f1(y, given.argmax(axis=-1), fold_of, counts, weights, N_CLASSES)
    found = {}
    for i, name in enumerate(held):
        strengths = [own.get(name, 0.0) + (name == "stopping") for own in chosen]
        found[name] = HeldBackBy(
            log_loss=estimate(loss[i]),
            log_loss_gain_joint=estimate(1 - loss[i] / loss[0], statements),
            macro_f1=estimate(f1[i]),
            gain=estimate(f1[i] - f1[0]),
            gain_joint=estimate(f1[i] - f1[0], statements),
            train_macro_f1=Number(float(train[i].mean())),
            strength=Number(float(np.median(strengths))),
        )
    return found


EXPERIMENTS = (on_machines(run_held_back, seconds=95),)
