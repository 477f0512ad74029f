"""The rows and folds of the older classification experiments, and the scores that all of them state."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from labcode.confusion import Floats
from labcode.errors import LabcodeError
from labcode.experiments.failure_models import SeedEnsemble, fit_ensembles
from labcode.lab.classification.rows import N_CLASSES, FailureRows, Fold, class_numbers, five_classes, in_all_classes
from labcode.metrics import Interval, macro_f1

#: The best macro-F1 that six classes allow where one of them, random failures, cannot be predicted: five of six.
LEAK_BOUND = (N_CLASSES - 1) / N_CLASSES


def numbers(probabilities: Floats) -> NDArray[np.int64]:
    """Number of the most probable class, ``(…, 6)`` to ``(…)``."""
    return probabilities.argmax(axis=-1)


def class_weight(ensemble: SeedEnsemble) -> Floats:
    """How much each class weighed in an ensemble's loss, ``(6,)``; 1 for one that it never saw."""
    weights = np.ones(N_CLASSES)
    weights[class_numbers(ensemble.classes_)] = [ensemble.class_weight_[label] for label in ensemble.classes_.tolist()]
    return weights


def probabilities(ensemble: SeedEnsemble, rows: FailureRows) -> Floats:
    """Mean probabilities of an ensemble's networks, ``(n, 6)``."""
    return in_all_classes(ensemble.predict_proba(rows.X), ensemble.classes_)


def out_of_fold(
    ensembles: Sequence[SeedEnsemble], folds: Sequence[Sequence[Fold]], rows: FailureRows
) -> tuple[Floats, Floats]:
    """What networks give to rows held out ``(repeats, seeds, n, 6)``, and class weights there ``(repeats, n, 6)``."""
    members = np.zeros((len(folds), ensembles[0].seeds, len(rows), N_CLASSES))
    weights = np.ones((len(folds), len(rows), N_CLASSES))
    fitted = iter(ensembles)
    for repeat, pairs in enumerate(folds):
        for _, held in pairs:
            ensemble = next(fitted)
            own = ensemble.member_probabilities(rows.X.iloc[held])
            members[repeat][:, held] = in_all_classes(own, ensemble.classes_)
            weights[repeat, held] = class_weight(ensemble)
    return members, weights


def cross_fit(ensembles: Sequence[SeedEnsemble], rows: FailureRows, folds: Sequence[Fold]) -> list[Floats]:
    """What the networks of each ensemble give to rows held out, ``(seeds, n, 6)`` each; all train together."""
    pairs = [(ensemble, fold) for ensemble in ensembles for fold in range(len(folds))]
    unfitted = [clone(ensemble).set_params(random_state=100 * fold) for ensemble, fold in pairs]
    sets = [rows.take(fit) for fit, _ in folds]
    fitted = fit_ensembles(unfitted, [sets[fold] for _, fold in pairs])
    groups = [fitted[i * len(folds) :][: len(folds)] for i in range(len(ensembles))]
    return [out_of_fold(group, [folds], rows)[0][0] for group in groups]


#: Both macro-F1, by the end of their scalars' names.
MACRO_F1: dict[str, Callable[[Floats], Floats]] = {"macro_f1": macro_f1, "macro_f1_without_random": five_classes}


def named(name: str, found: Interval) -> dict[str, float]:
    """An interval as scalars ``name``, ``name_low`` and ``name_high``."""
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def refuse_leak(score: float, what: str) -> None:
    """Refuse a six-class macro-F1 that no honest model can have.

    Raises
    ------
    LabcodeError
        If the score is above :data:`LEAK_BOUND`.

    Examples
    --------
    >>> refuse_leak(0.67, "the network")
    """
    if score > LEAK_BOUND:
        raise LabcodeError(
            f"{what} has a macro-F1 of {score:.3f} over six classes, above {LEAK_BOUND:.3f}; random failures cannot be "
            "predicted, so something of the label has leaked into the inputs. Check the features and the split."
        )
