"""The classification done soundly: the seed ensemble on the folds of its rivals, on test rows and on fresh ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labcode.data.types import Dataset
from labcode.experiments.catalog import Experiment, Payload, Progress
from labcode.experiments.classification_baselines import FULL, QUICK, fresh_rows, sound_rows
from labcode.experiments.classification_scores import (
    Scored,
    class_table,
    gain_scalars,
    gain_table,
    rival_numbers,
    score_table,
    set_scalars,
)
from labcode.experiments.failure_models import SeedEnsemble, fit_ensembles
from labcode.experiments.failure_rows import class_weight, numbers, out_of_fold, probabilities, refuse_leak
from labcode.lab.classification.classes import NETWORK
from labcode.lab.classification.rows import N_CLASSES, FailureRows, FoldsSpec, confusions_of, without_weights
from labcode.metrics import macro_f1
from labcode.parallel import in_parallel, training_device
from labcode.store import Result

Floats = NDArray[np.float64]
#: Columns of the array ``curves``.
CURVES = ("train_loss", "test_loss", "train_accuracy", "test_accuracy")


@dataclass(frozen=True, kw_only=True)
class SoundSpec(FoldsSpec):
    """The ensemble: how many seeds, and how long each trains; folds and fresh rows are those of the rivals."""

    seeds: int = 5
    epochs: int = NETWORK["max_epochs"]
    fresh_rows: int = FULL.fresh_rows

    def ensemble(self, number: int) -> SeedEnsemble:
        """The unfitted ensemble of a fold, by the fold's number; each has seeds of its own."""
        return SeedEnsemble(seeds=self.seeds, network={"max_epochs": self.epochs}, random_state=100 * number)


def run_sound(
    spec: SoundSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Train the ensemble on every fold and on the training rows, and compare it with the rivals row by row."""
    rows, train, test = sound_rows(data["maintenance"].frame)
    folds = spec.of(rows)
    sets = [*(rows.take(fit) for repeat in folds for fit, _ in repeat), (train.X, train.labels)]
    *of_folds, final = fit_ensembles([spec.ensemble(number) for number in range(len(sets))], sets)
    progress(0.7)
    members, weights = out_of_fold(of_folds, folds, rows)
    rivals = results["classification/baselines"]
    scored = {"out_of_fold": _scored("out_of_fold", rows, members.mean(axis=1), weights, rival_numbers(rivals, ""))}
    for name, own in (("train", train), ("test", test), ("fresh", fresh_rows(spec.fresh_rows))):
        others = [] if name == "train" else rival_numbers(rivals, f"_{name}")
        scored[name] = _scored(name, own, probabilities(final, own)[None], class_weight(final), others)
    curves = in_parallel(_curves, [(spec, train, test)], n_jobs=None)[0]
    progress(0.9)
    scores = [row for own in scored.values() for row in class_table(own)]
    gains = gain_table({"": scored["out_of_fold"], "test_": scored["test"], "fresh_": scored["fresh"]}, rivals)
    return Payload(
        scalars=_scalars(scored) | _single(members, rows) | gain_scalars(gains),
        tables={"scores": score_table(list(scored.values())), "classes": scores, "gains": gains},
        arrays={**_arrays(scored), "curves": curves},
        device=training_device(),
    )


def _scalars(scored: Mapping[str, Scored]) -> dict[str, float]:
    """Scores of all sets, those out of fold without a prefix; a network that is too good is refused."""
    scalars = set_scalars(scored["out_of_fold"])
    for name in ("train", "test", "fresh"):
        scalars |= set_scalars(scored[name], f"{name}_")
    refuse_leak(scalars["macro_f1"], "The network")
    return scalars


def _scored(name: str, rows: FailureRows, given: Floats, weights: Floats, others: Sequence[NDArray[np.int8]]) -> Scored:
    return Scored(name, rows.y, given, weights, confusions_of(rows.y, [numbers(given), *others]))


def _single(members: Floats, rows: FailureRows) -> dict[str, float]:
    """Macro-F1 of each network alone: mean, lowest and highest over repeats and seeds."""
    each = numbers(members).reshape(-1, len(rows))
    cells = [np.bincount(rows.y * N_CLASSES + own, minlength=N_CLASSES**2) for own in each]
    alone = macro_f1(np.stack(cells).reshape(-1, N_CLASSES, N_CLASSES))
    return {
        "seeds": members.shape[1],
        "repeats": members.shape[0],
        "single_macro_f1": float(alone.mean()),
        "single_macro_f1_min": float(alone.min()),
        "single_macro_f1_max": float(alone.max()),
    }


def _curves(spec: SoundSpec, train: FailureRows, test: FailureRows) -> Floats:
    """Loss and accuracy of one network after each epoch, ``(epochs, 4)``; see :data:`CURVES`."""
    ensemble = replace(spec, seeds=1).ensemble(0)
    (network,), rows = ensemble.prepare(train.X, train.labels)
    inputs = np.asarray(ensemble.encoder_.transform(test.X), dtype=np.float32)
    network.set_params(evaluate_train=True).fit(rows.X, rows.y, test_set=(inputs, test.labels))
    return network.history_[list(CURVES)].to_numpy()


def _arrays(scored: Mapping[str, Scored]) -> dict[str, NDArray[np.generic]]:
    """Actual classes, probabilities as trained and with the weights undone, and confusion counts, of each set."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, own in scored.items():
        end = "" if name == "out_of_fold" else f"_{name}"
        arrays[f"confusion{end}"] = own.counts.counts[: own.repeats]
        if name in ("out_of_fold", "test"):
            undone = without_weights(own.probabilities, own.weights)
            arrays[f"y{end}"] = own.y.astype(np.int8)
            arrays[f"probabilities{end}"] = own.probabilities.astype(np.float32)
            arrays[f"probabilities_without_weights{end}"] = undone.astype(np.float32)
    return arrays


EXPERIMENTS = (
    Experiment(
        name="classification/sound",
        run=run_sound,
        spec=SoundSpec(),
        quick=SoundSpec(folds=QUICK.folds, repeats=QUICK.repeats, seeds=1, epochs=4, fresh_rows=QUICK.fresh_rows),
        datasets=("maintenance",),
        needs=("classification/baselines",),
        seconds=23,
    ),
)
