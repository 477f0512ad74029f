"""The experiment of our first version of the classification: many seeds, natural rows, and what it stated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labcode.book.reference import stated
from labcode.data.types import Dataset
from labcode.lab.classification.classes import CLASSES, NORMAL, RANDOM
from labcode.lab.classification.first_results import (
    PRINTED_EPOCHS,
    Agreement,
    AsSubmitted,
    Family,
    Natural,
    Reweighted,
    Runs,
)
from labcode.lab.classification.first_stated import (
    Comparison,
    Flags,
    Floats,
    StatedFigure,
    draws_of,
    stated_figures,
)
from labcode.lab.classification.needs import enough_of_each
from labcode.lab.classification.rows import confusion_counts, number
from labcode.lab.classification.settings import First
from labcode.lab.config import configured
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Experiment, Progress
from labcode.results.number import Number
from labcode.results.store import Result
from labcode.scoring.intervals import (
    Confusions,
    mean_of_seeds,
    next_draw_interval,
    next_draw_limits,
    prediction_interval,
    prediction_limits,
)
from labcode.scoring.scores import accuracy, f1_scores, macro_f1, precisions, recalls
from labcode.settings import SEED, Profile

N_CLASSES = len(CLASSES)
#: Numbers of seeds whose limits are compared.
COUNTED_SEEDS = (5, 10, 20, 30)
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class FirstSpec:
    """Our first version's settings, and what it stated: its figures, and its confusion matrix ``(6, 6)``."""

    first: First
    stated: tuple[StatedFigure, ...]
    matrix: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Run:
    """A trained network: its history ``(n_epochs, 4)``, and confusion counts ``(6, 6)`` by the name of the rows."""

    curves: Floats
    confusion: Mapping[str, Floats]


def run_as_submitted(
    spec: FirstSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> AsSubmitted:
    """Train our first version's networks with many seeds, and those of the first one also by the plain loop."""
    machines, first = data["maintenance"].frame, spec.first
    loops = dict(
        zip(("plain", "regularised"), in_parallel(_both_loops, [(first, machines, on) for on in (False, True)]))
    )
    by_seed = in_parallel(_runs_of, [(first, machines, seed) for seed in range(first.seeds)], done=progress)
    runs = {kind: [each[kind] for each in by_seed if kind in each] for kind in by_seed[0]}
    curves = {kind: np.stack([run.curves for run in runs[kind]]) for kind in loops}
    counts = {kind: _stacked(own) for kind, own in runs.items()}
    test, recorded = counts["plain"]["test"], counts["plain"]["natural"]
    comparison = Comparison.of(
        spec.stated,
        draws_of(
            curves,
            {"plain": test, "regularised": counts["regularised"]["test"]},
            PRINTED_EPOCHS[:-1],  # what it stated of the last is in its report
        ),
    )
    informative = comparison.informative(first.informative)
    scores = {kind: accuracy(counts[kind]["test"]) for kind in loops}
    five = prediction_interval(scores["plain"][:5])
    held_out = float(counts["plain"]["held_out"][0].sum())
    arrays: dict[str, Any] = {f"curves_{kind}": values for kind, values in curves.items()}
    arrays |= {f"plain_curves_{kind}": values for kind, (values, _, _) in loops.items()}
    arrays |= {f"plain_confusion_{kind}": found for kind, (_, found, _) in loops.items()}
    arrays |= {
        f"confusion_{kind}_{name}": counts[kind][name] for kind in loops for name in ("train", "test", "natural")
    }
    return AsSubmitted(
        seeds=first.seeds,
        test_rows=Number(int(test[0].sum())),
        train_rows=Number(int(counts["plain"]["train"][0].sum())),
        support={k: Number(int(n)) for k, n in enumerate(test[0].sum(axis=1))},
        recorded={k: Number(int(n)) for k, n in enumerate(recorded[0].sum(axis=1))},
        synthetic_share=Number(1 - held_out / float(test[0].sum())),
        plain=_scores(curves["plain"], counts["plain"]),
        regularised=_scores(curves["regularised"], counts["regularised"]),
        regularised_gain=number(mean_of_seeds(scores["regularised"] - scores["plain"])),
        natural_regularised_gain=number(mean_of_seeds(accuracy(counts["regularised"]["natural"]) - accuracy(recorded))),
        natural=_natural(recorded),
        held_out=_natural(counts["plain"]["held_out"]),
        regularised_natural=_natural(counts["regularised"]["natural"]),
        split_first=_natural(counts["split_first"]["test"]),
        reweighted=_reweighted(spec.matrix, recorded[0].sum(axis=1)),
        largest_difference={kind: Number(difference) for kind, (*_, difference) in loops.items()},
        figures=Number(len(informative)),
        informative=Number(int(informative.sum())),
        agreement={n: _agreement(comparison, n, informative) for n in _counted(first.seeds)},
        families={kind: _family(comparison, kind, informative) for kind in dict.fromkeys(comparison.kind.tolist())},
        first_five=number(five),
        first_five_holds=Number(float(np.mean((five.low <= scores["plain"]) & (scores["plain"] <= five.high)))),
        **arrays,
        confusion_plain_held_out=counts["plain"]["held_out"],
        confusion_split_first=counts["split_first"]["test"],
    )


def _options(first: First, regularised: bool) -> tuple[float, dict[str, Any]]:
    """Dropout, and what both training loops take."""
    decay = first.weight_decay if regularised else 0.0
    return first.dropout if regularised else 0.0, {"epochs": first.epochs, "lr": first.lr, "weight_decay": decay}


def _both_loops(first: First, machines: pd.DataFrame, regularised: bool) -> tuple[Floats, Floats, float]:
    """The first seed by the plain loop: history ``(n_epochs, 4)``, confusion; and how far off the fast loop is."""
    import torch

    from labcode.lab.classification.first import FirstNetwork, first_split, scored, train_first
    from labcode.lab.classification.first_fast import FastNetwork, same_masks

    rows = first_split(machines, SEED, first.smote_neighbors)
    dropout, options = _options(first, regularised)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        plain_network = FirstNetwork(first.hidden, dropout)
        plain = train_first(plain_network, rows, **options).to_numpy()
        torch.manual_seed(0)
        network = FastNetwork(FirstNetwork(first.hidden), same_masks(dropout) if dropout else None)
        fast = network.train(rows, **options)
    _, confusion = scored(plain_network, rows[1], rows[3])
    return plain, confusion.astype(np.float64), float(np.abs(fast - plain).max())


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
    found = {kind: _run(first, rows, seed, kind == "regularised", sets) for kind in ("plain", "regularised")}
    if seed >= first.order_seeds:
        return found
    rows = split_first(machines, SEED + seed, first.smote_neighbors)
    return found | {"split_first": _run(first, rows, seed, False, {"test": (rows[1], rows[3].numpy())})}


def _run(first: First, rows: list[Any], seed: int, regularised: bool, sets: Mapping[str, tuple[Any, Numbers]]) -> Run:
    import torch

    from labcode.lab.classification.first import FirstNetwork
    from labcode.lab.classification.first_fast import FastNetwork, quick_masks

    dropout, options = _options(first, regularised)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = FastNetwork(FirstNetwork(first.hidden), quick_masks(dropout, seed) if dropout else None)
    curves = network.train(rows, **options)
    return Run(curves, {name: confusion_counts(y, network.predict(X)) for name, (X, y) in sets.items()})


def _stacked(runs: Sequence[Run]) -> dict[str, Floats]:
    """Confusion counts ``(n_seeds, 6, 6)`` by the name of the rows."""
    return {name: np.stack([run.confusion[name] for run in runs]) for name in runs[0].confusion}


def _next(values: Floats) -> Number:
    """The mean over seeds, and where one more seed should fall."""
    return number(next_draw_interval(values))


def _scores(curves: Floats, counts: Mapping[str, Floats]) -> Runs:
    test, train = counts["test"], counts["train"]
    by_epoch = [{epoch: _next(curves[:, epoch, column]) for epoch in PRINTED_EPOCHS} for column in range(4)]
    return Runs(
        accuracy=_next(accuracy(test)),
        macro_f1=_next(macro_f1(test)),
        precision=dict(enumerate(map(_next, precisions(test).T))),
        recall=dict(enumerate(map(_next, recalls(test).T))),
        f1=dict(enumerate(map(_next, f1_scores(test).T))),
        train_accuracy=_next(accuracy(train)),
        train_macro_f1=_next(macro_f1(train)),
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
        accuracy=_next(accuracy(counts)),
        mean_accuracy=number(mean_of_seeds(accuracy(counts))),
        macro_f1=_next(macro_f1(counts)),
        above_majority=Number(float((accuracy(counts) > healthy / rows).mean())),
        healthy_as_random=_next(counts[:, NORMAL, RANDOM]),
        precision_random=_next(precisions(counts)[:, RANDOM]),
    )


def _reweighted(matrix: Sequence[Sequence[int]], recorded: Floats) -> Reweighted:
    """The scores of a confusion matrix ``(6, 6)`` if its classes were as frequent as in rows ``(6,)``.

    Its rows are resampled within each class, as if it were of one network: how seeds differ is not in the limits.
    """
    counts = np.asarray(matrix)
    actual, called = (np.repeat(place.ravel(), counts.ravel()) for place in np.indices(counts.shape))
    found = Confusions.of(actual, called[None], N_CLASSES)

    def natural(draws: Floats) -> Floats:
        return np.asarray(draws[..., 0, :, :] / draws[..., 0, :, :].sum(axis=-1, keepdims=True) * recorded[:, None])

    return Reweighted(
        accuracy=number(found.interval(lambda draws: accuracy(natural(draws)))),
        macro_f1=number(found.interval(lambda draws: macro_f1(natural(draws)))),
        precision_random=number(found.interval(lambda draws: precisions(natural(draws))[..., RANDOM])),
    )


def _counted(seeds: int) -> list[int]:
    return sorted({seeds, *(n for n in COUNTED_SEEDS if n < seeds)})


def _agreement(comparison: Comparison, n: int, informative: Flags) -> Agreement:
    found: dict[str, Any] = {}
    for end, limits in (("", next_draw_limits), ("_t", prediction_limits)):
        measured = zip(("inside", "inside_informative", "coverage"), comparison.by_seeds(n, limits, informative))
        found |= {f"{name}{end}": Number(value) for name, value in measured}
    return Agreement(**found)


def _family(comparison: Comparison, kind: str, informative: Flags) -> Family:
    own, inside = comparison.kind == kind, comparison.inside(next_draw_limits(comparison.values))
    return Family(
        figures=Number(int(own.sum())),
        inside=Number(int((own & inside).sum())),
        informative=Number(int((own & informative).sum())),
        inside_informative=Number(int((own & inside & informative).sum())),
    )


def _spec(profile: Profile) -> FirstSpec:
    matrix = stated("classification.confusion").values or ()
    return FirstSpec(
        first=configured(First, "classification.first", profile=profile),
        stated=stated_figures(),
        matrix=tuple(tuple(int(count) for count in row) for row in matrix),
    )


EXPERIMENTS = (
    Experiment(
        name="classification/as-submitted",
        run=run_as_submitted,
        spec=_spec("full"),
        quick=_spec("quick"),
        datasets=("maintenance",),
        lacks=enough_of_each,
        seconds=60,
    ),
)
