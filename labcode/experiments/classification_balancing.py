"""What is done about rare classes, compared: weights, oversampling, focal loss and a shifted prior, on one network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from imblearn.combine import SMOTETomek
from imblearn.over_sampling import SMOTE, BorderlineSMOTE, RandomOverSampler
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import StratifiedKFold

from labcode.confusion import Confusions, accuracy, balanced_accuracy
from labcode.data.types import Dataset
from labcode.experiments.catalog import Experiment, Payload, Progress
from labcode.experiments.classification_scores import probability_scores
from labcode.experiments.failure_models import SeedEnsemble, plain_encoder
from labcode.experiments.failure_rows import MACRO_F1, cross_fit, named, numbers
from labcode.lab.classification.classes import NORMAL
from labcode.lab.classification.rows import (
    N_CLASSES,
    FailureRows,
    Fold,
    FoldsSpec,
    Numbers,
    confusions_of,
    failure_rows,
    mean_gain,
    mean_score,
    without_weights,
)
from labcode.metrics import macro_f1
from labcode.parallel import training_device
from labcode.settings import SEED
from labcode.store import Result

Floats = NDArray[np.float64]
#: The method whose probabilities are those of the network that does nothing, divided by a power of the prior.
PRIOR_SHIFT = "prior_shift"


@dataclass(frozen=True, kw_only=True)
class BalancingSpec(FoldsSpec):
    """One plain network with physics features, trained by the same number of steps whatever is done.

    Attributes
    ----------
    folds, repeats
        See :class:`~labcode.experiments.failure_rows.FoldsSpec`.
    seeds
        Networks of each fold, whose scores are averaged; they are no ensemble.
    epochs, oversampled_epochs
        Passes over the rows as they are, and over the almost six times as many that oversampling makes of them.
    smote_neighbors, focal_gamma
        Neighbours of all kinds of SMOTE; exponent of the focal loss.
    powers, inner_folds
        Powers of the prior to choose from, by macro-F1 in folds inside the training rows.
    """

    repeats: int = 1
    seeds: int = 3
    epochs: int = 24
    oversampled_epochs: int = 4
    smote_neighbors: int = 5
    focal_gamma: float = 2.0
    powers: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    inner_folds: int = 3


@dataclass(frozen=True)
class Method:
    """A way to treat rare classes: its ensemble, and the exponent of the weights that its probabilities carry.

    Oversampling until classes are equal is a weight of 1 / frequency, so its exponent is 1.
    """

    ensemble: SeedEnsemble
    exponent: float


def methods(spec: BalancingSpec) -> dict[str, Method]:
    """All methods that change the training, by name."""
    from labcode.losses import FocalLoss

    return {
        "nothing": _weighted(spec, 0.0),
        "root_weights": _weighted(spec, 0.5),
        "weights": _weighted(spec, 1.0),
        **{name: _oversampled(spec, sampler) for name, sampler in samplers(spec.smote_neighbors).items()},
        "focal_loss": _weighted(spec, 0.0, loss=FocalLoss(spec.focal_gamma)),
    }


def samplers(neighbors: int) -> dict[str, BaseEstimator]:
    """What makes all classes as frequent as the largest."""
    smote = SMOTE(k_neighbors=neighbors, random_state=SEED)
    return {
        "oversampling": RandomOverSampler(random_state=SEED),
        "smote": smote,
        "borderline_smote": BorderlineSMOTE(k_neighbors=neighbors, m_neighbors=2 * neighbors, random_state=SEED),
        "smote_tomek": SMOTETomek(smote=smote, random_state=SEED),
    }


def _weighted(spec: BalancingSpec, exponent: float, **network: Any) -> Method:
    settings = {"max_epochs": spec.epochs, "l1": 0.0, **network}
    ensemble = SeedEnsemble(
        encoder=plain_encoder("physics"), network=settings, seeds=spec.seeds, weight_exponent=exponent
    )
    return Method(ensemble, exponent)


def _oversampled(spec: BalancingSpec, sampler: BaseEstimator) -> Method:
    ensemble = clone(_weighted(spec, 0.0).ensemble)
    settings = {**(ensemble.network or {}), "max_epochs": spec.oversampled_epochs}
    return Method(ensemble.set_params(sampler=sampler, network=settings), 1.0)


def run_balancing(
    spec: BalancingSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Train the same network each way on the same folds; score classes and probabilities."""
    rows = failure_rows(data["maintenance"].frame)
    folds = spec.of(rows)[0]
    ways = methods(spec)
    members = dict(zip(ways, cross_fit([way.ensemble for way in ways.values()], rows, folds), strict=True))
    progress(0.8)
    powers = _chosen_powers(spec, ways["nothing"].ensemble, rows, folds)
    shifted = members["nothing"] / _priors(rows, folds) ** powers[:, None]
    members[PRIOR_SHIFT] = shifted / shifted.sum(axis=-1, keepdims=True)
    table = _table(rows, members, {name: way.exponent for name, way in ways.items()})
    scalars = {f"{row['method']}_{name}": value for row in table for name, value in row.items() if name != "method"}
    scalars |= {"power": float(powers.mean()), "failures": float((rows.y != NORMAL).mean())}
    return Payload(
        scalars=scalars | {"best": max(table, key=lambda row: row["macro_f1"])["method"]},
        tables={"methods": table},
        arrays={
            "y": rows.y.astype(np.int8),
            "predicted": np.stack([numbers(own) for own in members.values()]).astype(np.int8),
            "failure_probability": np.stack([1 - own[:, :, NORMAL] for own in members.values()]).astype(np.float32),
        },
        device=training_device(),
    )


def _table(rows: FailureRows, members: Mapping[str, Floats], exponents: Mapping[str, float]) -> list[dict[str, Any]]:
    """A row for each method, from probabilities ``(seeds, n, 6)`` of its networks."""
    counts = confusions_of(rows.y, [numbers(own) for own in members.values()])
    shares = np.bincount(rows.y, minlength=N_CLASSES) / len(rows)
    return [
        _row(name, place, counts, len(own))
        | probability_scores(rows.y, own)
        | _undone(rows.y, own, shares, exponents.get(name))
        for place, (name, own) in enumerate(members.items())
    ]


def _priors(rows: FailureRows, folds: Sequence[Fold]) -> Floats:
    """Shares of the classes in the training rows of the fold that holds each row out, ``(n, 6)``."""
    priors = np.ones((len(rows), N_CLASSES))
    for fit, held in folds:
        priors[held] = np.maximum(np.bincount(rows.y[fit], minlength=N_CLASSES), 1) / len(fit)
    return priors


def _chosen_powers(
    spec: BalancingSpec, ensemble: SeedEnsemble, rows: FailureRows, folds: Sequence[Fold]
) -> NDArray[np.float64]:
    """For each row the power of the prior that is best inside the training rows of its fold, ``(n,)``."""
    powers = np.zeros(len(rows))
    single = clone(ensemble).set_params(seeds=1)
    inner = StratifiedKFold(spec.inner_folds, shuffle=True, random_state=SEED)
    for fit, held in folds:
        inside = FailureRows(rows.X.iloc[fit], rows.labels[fit], rows.y[fit])
        pairs = list(inner.split(inside.X, inside.labels))
        shares, priors = cross_fit([single], inside, pairs)[0][0], _priors(inside, pairs)
        scores = [_macro_f1(inside.y, numbers(shares / priors**power)) for power in spec.powers]
        powers[held] = spec.powers[int(np.argmax(scores))]
    return powers


def _macro_f1(y: Numbers, predicted: Numbers) -> float:
    cells = np.bincount(y * N_CLASSES + predicted, minlength=N_CLASSES**2)
    return float(macro_f1(cells.reshape(N_CLASSES, N_CLASSES)))


def _row(name: str, place: int, counts: Confusions, seeds: int) -> dict[str, Any]:
    """Scores of the counts of one method, and its gain over doing nothing."""
    row: dict[str, Any] = {"method": name}
    for end, score in MACRO_F1.items():
        row |= named(end, counts.interval(mean_score(score, place, seeds)))
        row |= named(end.replace("macro_f1", "gain"), counts.interval(mean_gain(score, place, 0, seeds)))
    row |= named("recall_macro", counts.interval(mean_score(balanced_accuracy, place, seeds)))
    return row | named("accuracy", counts.interval(mean_score(accuracy, place, seeds)))


def _undone(y: Numbers, members: Floats, shares: Floats, exponent: float | None) -> dict[str, float]:
    """Scores of the probabilities once the weights or copies that rare classes were given are divided out."""
    weights = np.ones(N_CLASSES) if not exponent else np.maximum(shares, 1 / len(y)) ** -exponent
    scores = probability_scores(y, without_weights(members, weights))
    return {f"{name}_undone": value for name, value in scores.items()}


EXPERIMENTS = (
    Experiment(
        name="classification/balancing",
        run=run_balancing,
        spec=BalancingSpec(),
        quick=BalancingSpec(
            folds=2, seeds=1, epochs=3, oversampled_epochs=1, smote_neighbors=1, powers=(0.0, 0.5), inner_folds=2
        ),
        datasets=("maintenance",),
        seconds=30,
    ),
)
