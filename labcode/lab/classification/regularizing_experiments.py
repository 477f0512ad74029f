"""The experiment on holding the network back: strengths from inner folds, gains over seeds and rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np

from labcode.lab.classification.classes import N_CLASSES, Fold, Numbers
from labcode.lab.classification.network import plain_networks, seen_by_network
from labcode.lab.classification.rows import (
    FailureRows,
    confusion_counts,
    failure_rows,
    folds_of,
    in_all_classes,
    row_losses,
)
from labcode.lab.classification.settings import Contest, HoldingBack, Network, NetworkChoice
from labcode.lab.classification.training_results import HeldBack, HeldBackBy
from labcode.lab.config import configured
from labcode.lab.needs import on_machines
from labcode.lab.quantities import Data, Stored, estimate
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.scoring.resamples import drawn_macro_f1, drawn_means, row_draws, seed_draws
from labcode.scoring.scores import Floats, macro_f1

#: A network: its parameters that differ from those of the one without regularization, and its seed.
Member = tuple[dict[str, Any], int]
#: The parameter of a :class:`~labcode.nets.estimators.TabularClassifier` that each technique sets.
PARAMETER: dict[str, str] = {
    "dropout": "dropout",
    "decay": "weight_decay",
    "l1": "l1",
    "noise": "input_noise",
    "smoothing": "label_smoothing",
}
#: What is compared: none, five with a strength, an early stop, an ensemble, and the recipe as it is.
TECHNIQUES = ("none", *PARAMETER, "stopping", "ensemble", "recipe")


@dataclass(frozen=True, kw_only=True)
class HeldBackSpec:
    """What is compared, and the network that is held back: with the settings that it starts from in the contest."""

    holding: Annotated[HoldingBack, "classification.regularizing"]
    network: Annotated[Network, "classification.network"]
    start: NetworkChoice = field(default_factory=lambda: configured(Contest, "classification.contest").network[0])


@dataclass(frozen=True, eq=False)
class Answer:
    """What the networks of a task say.

    ``held``, ``train`` ``(k, n, 6)``: probabilities of held-out and of training rows after the last epoch;
    ``held_stopped``, ``train_stopped`` the same after an earlier one, of no network where there is none. ``curves``
    ``(n_watched, epochs, 4)``: log loss of training and of held-out rows, then accuracy of both.
    """

    held: Floats
    train: Floats
    held_stopped: Floats
    train_stopped: Floats
    curves: Floats


def trained(
    spec: HeldBackSpec,
    rows: FailureRows,
    fold: Fold,
    members: Sequence[Member],
    watched: Sequence[Sequence[int]],
    stop: int | None = None,
) -> Answer:
    """Encode, train all networks on the training rows of a fold as one, and ask them.

    They are asked after the last epoch, and after the epoch ``stop`` where there is one; of each of the lists
    ``watched``, the mean is asked after every epoch.
    """
    from labcode.lab.classification.regularizing import TrainedFold
    from labcode.nets.together import TrainingRows

    (fit, held), epochs = fold, spec.holding.epochs
    labels, actual = rows.labels[fit], [rows.y[places] for places in fold]
    seen, _ = seen_by_network(spec.network, rows.X.iloc[fit], labels, [rows.X.iloc[held]])
    networks = [
        network
        for changes, seed in members
        for network in plain_networks(spec.network, epochs, [seed], **{"weight_decay": 0.0, **changes})
    ]
    group, known = TrainedFold(networks, TrainingRows(seen[0], labels)), np.unique(labels)

    def asked(epoch: int | None, some: Sequence[int] = range(len(networks))) -> list[Floats]:
        if epoch is None:
            return [np.zeros((0, 0, N_CLASSES))] * 2
        return [in_all_classes(group.probabilities(inputs, epoch, some), known) for inputs in seen]

    def scores(epoch: int, some: Sequence[int]) -> list[float]:
        means = [chances.mean(axis=0) for chances in asked(epoch, some)]
        losses = [float(row_losses(y, mean).mean()) for mean, y in zip(means, actual, strict=True)]
        return losses + [float((mean.argmax(axis=1) == y).mean()) for mean, y in zip(means, actual, strict=True)]

    curves = [[scores(epoch, some) for epoch in range(epochs)] for some in watched]
    (train, out), (train_stopped, held_stopped) = asked(-1), asked(stop)
    return Answer(out, train, held_stopped, train_stopped, np.array(curves).reshape(-1, epochs, 4))


def run_held_back(spec: HeldBackSpec, *, data: Data, results: Stored, progress: Progress) -> HeldBack:
    """Choose each technique's strength inside every fold, train with it, and compare with none."""
    holding, rows = spec.holding, failure_rows(data["maintenance"].frame)
    folds = folds_of(rows.labels, holding.folds)
    chosen = _choices(spec, rows, folds, lambda share: progress(0.45 * share))
    tasks = [task for number, fold in enumerate(folds) for task in _tasks(spec, rows, fold, chosen[number], number)]
    answers = in_parallel(trained, tasks, done=lambda share: progress(0.45 + 0.5 * share))
    held = np.zeros((len(TECHNIQUES), holding.seeds, len(rows), N_CLASSES))
    train = np.zeros((len(TECHNIQUES), len(folds)))
    curves = np.zeros((len(TECHNIQUES), holding.epochs, 4))
    fold_of = np.zeros(len(rows), dtype=np.int64)
    for number, (fit, out) in enumerate(folds):
        fold_of[out] = number
        free, others = answers[2 * number : 2 * number + 2]
        held[:, :, out] = _arranged(holding, free.held, free.held_stopped, others.held)
        of_train = _arranged(holding, free.train, free.train_stopped, others.train)
        train[:, number] = macro_f1(confusion_counts(rows.y[fit], of_train.argmax(axis=-1))).mean(axis=1)
        single, whole = free.curves  # the early stop trains as none does
        curves += np.stack([single, *others.curves[:-1], single, whole, others.curves[-1]]) / len(folds)
    techniques = _compared(holding, rows.y, fold_of, held, train, chosen)
    return HeldBack(
        techniques=techniques,
        seeds=holding.seeds,
        folds=holding.folds,
        epochs=holding.epochs,
        best=max(techniques, key=lambda name: techniques[name].log_loss_gain_joint.value),
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
    candidates = [(name, strength) for name in PARAMETER for strength in getattr(spec.holding, name)]
    changes = [{}, *({PARAMETER[name]: strength} for name, strength in candidates)]
    inner = [
        [(fit[own], fit[held]) for own, held in folds_of(rows.labels[fit], spec.holding.inner_folds)]
        for fit, _ in folds
    ]
    tasks = [
        (spec, rows, fold, [(each, 100 * number) for each in changes], [[0]])
        for number, own in enumerate(inner)
        for fold in own
    ]
    answers, found = iter(in_parallel(trained, tasks, done=progress)), []
    for own in inner:
        given = [next(answers) for _ in own]
        by_row = [row_losses(rows.y[held], answer.held) for (_, held), answer in zip(own, given)]
        losses = np.concatenate(by_row, axis=1).mean(axis=1)[1:]
        ranked = [candidates[place] for place in np.argsort(losses, kind="stable")]
        choice = {name: next(strength for other, strength in ranked if other == name) for name in PARAMETER}
        curve = np.mean([answer.curves[0, :, 1] for answer in given], axis=0)
        found.append(choice | {"stopping": float(curve.argmin())})
    return found


def _tasks(
    spec: HeldBackSpec, rows: FailureRows, fold: Fold, chosen: Mapping[str, float], number: int
) -> list[tuple[Any, ...]]:
    """Two tasks of a fold: networks without regularization, all members of all ensembles; and all others."""
    seeds, size = spec.holding.seeds, spec.holding.members
    members = [100 * number + i for i in range(seeds * size)]
    recipe = {"weight_decay": spec.network.weight_decay, "l1": spec.start.l1}
    changes = [*({PARAMETER[name]: chosen[name]} for name in PARAMETER), recipe]
    free: list[Member] = [({}, seed) for seed in members]
    others = [(change, seed) for change in changes for seed in members[::size]]
    return [
        (spec, rows, fold, free, [[0], list(range(size))], int(chosen["stopping"])),
        (spec, rows, fold, others, [[i * seeds] for i in range(len(changes))]),
    ]


def _arranged(spec: HoldingBack, last: Floats, stopped: Floats, others: Floats) -> Floats:
    """Probabilities by technique ``(n_techniques, n_seeds, n, 6)``: of members of ensembles and of all others."""
    by_ensemble = last.reshape(spec.seeds, spec.members, *last.shape[1:])
    of_others = others.reshape(-1, spec.seeds, *others.shape[1:])
    none, whole, early = by_ensemble[:, 0], by_ensemble.mean(axis=1), stopped[:: spec.members]
    return np.stack([none, *of_others[:-1], early, whole, of_others[-1]])


def _compared(
    spec: HoldingBack, y: Numbers, fold_of: Numbers, held: Floats, train: Floats, chosen: Sequence[Mapping[str, float]]
) -> dict[str, HeldBackBy]:
    """Each technique beside none, which comes first."""
    counts, weights = row_draws(y, spec.draws), seed_draws(spec.folds, spec.seeds, spec.draws)
    loss = drawn_means(row_losses(y, held), fold_of, counts, weights)
    f1 = drawn_macro_f1(y, held.argmax(axis=-1), fold_of, counts, weights, N_CLASSES)
    statements, found = 2 * (len(held) - 1), {}
    for i, name in enumerate(TECHNIQUES):
        strengths = [own.get(name, 0.0) + (name == "stopping") for own in chosen]
        found[name] = HeldBackBy(
            log_loss=estimate(loss[i]),
            log_loss_gain_joint=estimate(1 - loss[i] / loss[0], statements),
            macro_f1=estimate(f1[i]),
            gain_joint=estimate(f1[i] - f1[0], statements),
            train_macro_f1=Number(float(train[i].mean())),
            strength=Number(float(np.median(strengths))),
        )
    return found


EXPERIMENTS = (on_machines(run_held_back, seconds=95),)
