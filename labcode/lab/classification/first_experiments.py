"""The experiment of our first version of the classification: many seeds, natural rows, and what it stated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import pandas as pd

from labcode.book.reference import stated
from labcode.lab.classification.classes import NORMAL, RANDOM, Numbers
from labcode.lab.classification.first_results import PRINTED_EPOCHS, Agreement, AsSubmitted, Natural, Reweighted, Runs
from labcode.lab.classification.first_stated import Comparison, StatedFigure, draws_of, stated_figures
from labcode.lab.classification.rows import Compared, confusion_counts
from labcode.lab.classification.settings import First
from labcode.lab.needs import on_machines
from labcode.lab.quantities import Data, Stored, mean_of_seeds, next_seed
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.scoring import intervals
from labcode.scoring.scores import Floats, accuracy, f1_scores, macro_f1, precisions, recalls
from labcode.settings import SEED

#: Numbers of seeds whose limits are compared.
COUNTED_SEEDS = (5, 10, 20, 30)
NETWORKS = ("plain", "regularised")


@dataclass(frozen=True, kw_only=True)
class FirstSpec:
    """Our first version's settings, and what it stated: its figures, and its confusion matrix ``(6, 6)``."""

    first: Annotated[First, "classification.first"]
    stated: tuple[StatedFigure, ...] = field(default_factory=stated_figures)
    matrix: tuple[tuple[float, ...], ...] = field(
        default_factory=lambda: tuple(map(tuple, stated("classification.confusion").values or ()))
    )


#: A trained network's history ``(n_epochs, 4)``, and confusion counts ``(6, 6)`` by the name of the rows.
Run = tuple[Floats, dict[str, Floats]]


def run_as_submitted(spec: FirstSpec, *, data: Data, results: Stored, progress: Progress) -> AsSubmitted:
    """Train our first version's networks with many seeds, and ask them about balanced and about recorded rows."""
    machines, first = data["maintenance"].frame, spec.first
    by_seed = in_parallel(_runs_of, [(first, machines, seed) for seed in range(first.seeds)], done=progress)
    runs = {kind: list(zip(*(each[kind] for each in by_seed if kind in each))) for kind in by_seed[0]}
    curves = {kind: np.stack(runs[kind][0]) for kind in NETWORKS}
    counts = {kind: {name: np.stack([own[name] for own in of]) for name in of[0]} for kind, (_, of) in runs.items()}
    plain, regularised = (counts[kind] for kind in NETWORKS)
    test, recorded = plain["test"], plain["natural"]
    scores, rows = accuracy(test), float(test[0].sum())
    five = intervals.prediction_interval(scores[:5])
    return AsSubmitted(
        seeds=first.seeds,
        test_rows=Number(int(rows)),
        train_rows=Number(int(plain["train"][0].sum())),
        support={k: Number(int(n)) for k, n in enumerate(test[0].sum(axis=1))},
        synthetic_share=Number(1 - float(plain["held_out"][0].sum()) / rows),
        plain=_scores(curves["plain"], plain),
        regularised=_scores(curves["regularised"], regularised),
        regularised_gain=mean_of_seeds(accuracy(regularised["test"]) - scores),
        natural_regularised_gain=mean_of_seeds(accuracy(regularised["natural"]) - accuracy(recorded)),
        natural=_natural(recorded),
        held_out=_natural(plain["held_out"]),
        regularised_natural=_natural(regularised["natural"]),
        split_first=_natural(counts["split_first"]["test"]),
        reweighted=_reweighted(spec.matrix, recorded[0].sum(axis=1)),
        **_agreements(spec, curves, {kind: counts[kind]["test"] for kind in NETWORKS}),
        first_five_holds=Number(float(np.mean((five.low <= scores) & (scores <= five.high)))),
        curves=curves["plain"],
        confusion_plain_train=plain["train"],
        confusion_plain_test=test,
    )


def _runs_of(first: First, machines: pd.DataFrame, seed: int) -> dict[str, Run]:
    """The networks of one seed: plain and regularised as submitted; of some seeds plain with the split before SMOTE."""
    import torch
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    from labcode.lab.classification.first import cleaned, first_split, split_first

    inputs, y = cleaned(machines)
    X = torch.tensor(StandardScaler().fit_transform(inputs), dtype=torch.float32)
    rows = first_split(machines, SEED + seed, first.smote_neighbors)
    _, test = train_test_split(np.arange(len(rows[0]) + len(rows[1])), test_size=0.2, random_state=42)
    held_out = np.sort(test[test < len(machines)])  # SMOTE leaves the recorded rows in front
    sets = {
        "train": (rows[0], rows[2].numpy()),
        "test": (rows[1], rows[3].numpy()),
        "natural": (X, y),
        "held_out": (X[held_out], y[held_out]),
    }
    found = {kind: _run(first, rows, seed, kind == "regularised", sets) for kind in NETWORKS}
    if seed >= first.order_seeds:
        return found
    rows = split_first(machines, SEED + seed, first.smote_neighbors)
    return found | {"split_first": _run(first, rows, seed, False, {"test": (rows[1], rows[3].numpy())})}


def _run(first: First, rows: list[Any], seed: int, regularised: bool, sets: Mapping[str, tuple[Any, Numbers]]) -> Run:
    from labcode.lab.classification.first import FirstNetwork
    from labcode.lab.full_batch import Steps, cross_entropy_and_right, history, outputs, seeded

    dropout, decay = (first.dropout, first.weight_decay) if regularised else (0.0, 0.0)
    network = seeded(lambda: FirstNetwork(first.hidden, dropout), seed)
    steps = Steps(epochs=first.epochs, lr=first.lr, weight_decay=decay, chunk=2048)
    curves = history(network, rows, cross_entropy_and_right, steps)
    calls = {name: outputs(network, X).argmax(dim=1).numpy() for name, (X, _) in sets.items()}
    return curves, {name: confusion_counts(y, calls[name]) for name, (_, y) in sets.items()}


def _scores(curves: Floats, counts: Mapping[str, Floats]) -> Runs:
    test, train = counts["test"], counts["train"]
    by_epoch = [{epoch: next_seed(curves[:, epoch, column]) for epoch in PRINTED_EPOCHS} for column in range(4)]
    return Runs(
        accuracy=next_seed(accuracy(test)),
        macro_f1=next_seed(macro_f1(test)),
        precision=dict(enumerate(map(next_seed, precisions(test).T))),
        recall=dict(enumerate(map(next_seed, recalls(test).T))),
        f1=dict(enumerate(map(next_seed, f1_scores(test).T))),
        train_accuracy=next_seed(accuracy(train)),
        train_macro_f1=next_seed(macro_f1(train)),
        train_loss_epoch=by_epoch[0],
        test_loss_epoch=by_epoch[1],
        train_accuracy_epoch=by_epoch[2],
        test_accuracy_epoch=by_epoch[3],
    )


def _natural(counts: Floats) -> Natural:
    rows, healthy = int(counts[0].sum()), int(counts[0, NORMAL].sum())
    return Natural(
        rows=Number(rows),
        healthy=Number(healthy),
        majority=Number(healthy / rows),
        accuracy=next_seed(accuracy(counts)),
        mean_accuracy=mean_of_seeds(accuracy(counts)),
        macro_f1=next_seed(macro_f1(counts)),
        above_majority=Number(float((accuracy(counts) > healthy / rows).mean())),
        healthy_as_random=next_seed(counts[:, NORMAL, RANDOM]),
        precision_random=next_seed(precisions(counts)[:, RANDOM]),
    )


def _reweighted(matrix: Sequence[Sequence[float]], recorded: Floats) -> Reweighted:
    """The scores of a confusion matrix ``(6, 6)`` if its classes were as frequent as in rows ``(6,)``.

    Its rows are resampled within each class, as if it were of one network: how seeds differ is not in the limits.
    """
    counts = np.asarray(matrix, dtype=int)
    actual, called = (np.repeat(place.ravel(), counts.ravel()) for place in np.indices(counts.shape))
    found = Compared.of(actual, [called])

    def natural(draws: Floats) -> Floats:
        return np.asarray(draws / draws.sum(axis=-1, keepdims=True) * recorded[:, None])

    return Reweighted(
        accuracy=found.score(lambda draws: accuracy(natural(draws))),
        macro_f1=found.score(lambda draws: macro_f1(natural(draws))),
        precision_random=found.score(lambda draws: precisions(natural(draws))[..., RANDOM]),
    )


def _agreements(spec: FirstSpec, curves: Mapping[str, Floats], test: Mapping[str, Floats]) -> dict[str, Any]:
    """How many stated figures lie inside the limits of how many seeds."""
    # What it stated of the last epoch is in its report.
    comparison = Comparison.of(spec.stated, draws_of(curves, test, PRINTED_EPOCHS[:-1]))
    informative, seeds = comparison.informative(spec.first.informative), spec.first.seeds
    found: dict[int, Agreement] = {}
    for n in sorted({seeds, *(n for n in COUNTED_SEEDS if n < seeds)}):
        measured: dict[str, Any] = {}
        for end, limits in (("", intervals.next_draw_limits), ("_t", intervals.prediction_limits)):
            names = (f"inside{end}", f"inside_informative{end}", f"coverage{end}")
            measured |= dict(zip(names, map(Number, comparison.by_seeds(n, limits, informative)), strict=True))
        found[n] = Agreement(**measured)
    return {
        "figures": Number(len(informative)),
        "informative": Number(int(informative.sum())),
        "agreement": found,
    }


EXPERIMENTS = (on_machines(run_as_submitted, seconds=60),)
