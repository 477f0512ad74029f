"""A model of the contest: what it may choose, what inner folds choose for it, and what it then says of other rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Annotated, Any

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from labcode.lab.classification import network as networks
from labcode.lab.classification import settings
from labcode.lab.classification.ceiling import best_weights, decide
from labcode.lab.classification.classes import CLASSES, Labels, Numbers
from labcode.lab.classification.network import fitted_together, quantities, tempered, with_hazard
from labcode.lab.classification.rows import FailureRows, confusion_counts, folds_of, in_all_classes, without_weights
from labcode.lab.classification.settings import Contest, ForestChoice, LogisticChoice, Network, NetworkChoice
from labcode.scoring.scores import Floats, log_loss
from labcode.settings import SEED

RivalChoice = ForestChoice | settings.BoostingChoice | LogisticChoice


@dataclass(frozen=True, kw_only=True)
class ContestSpec:
    """The contest, and the network in it."""

    contest: Annotated[Contest, "classification.contest"]
    network: Annotated[Network, "classification.network"]


@dataclass(frozen=True)
class Answer:
    """What a model says of several sets of rows, after it chose among its settings on inner folds of the training rows.

    Chances ``(n, 6)`` of each set, as ``fitted`` and after temperature and hazard; of these the most probable class
    (``plain``) and the decision for macro-F1 (``ruled``), ``(n,)`` each. ``train`` has confusion counts ``(6, 6)`` of
    both on the training rows. Chosen were the place of the setting, the temperature, and the share of the hazard.
    """

    fitted: list[Floats]
    chances: list[Floats]
    plain: list[Numbers]
    ruled: list[Numbers]
    train: tuple[Floats, Floats]
    choice: int
    temperature: float
    share: float


def compete(
    name: str,
    spec: ContestSpec,
    train: FailureRows,
    others: Sequence[pd.DataFrame],
) -> Answer:
    """Choose a model's setting, calibration and rule on inner folds; fit it on all rows; answer."""
    choices = getattr(spec.contest, name)
    inner, hazard = inner_chances(spec, choices, train)
    fits = [best_calibration(spec.contest, own, hazard, train.y) for own in inner]
    choice = int(np.argmin([loss for loss, *_ in fits]))
    _, temperature, share = fits[choice]
    rule = best_weights(with_hazard(tempered(inner[choice], temperature), hazard, share))
    worn, (fitted,) = fitted_chances(spec, [choices[choice]], train, [*others, train.X])
    warm = [tempered(own, temperature) for own in fitted]
    chances = [with_hazard(own, chance, share) for own, chance in zip(warm, worn, strict=True)]
    plain, ruled = [own.argmax(axis=1) for own in chances], [decide(own, rule) for own in chances]
    counts = [confusion_counts(train.y, calls.pop()) for calls in (plain, ruled)]
    del fitted[-1], chances[-1]
    return Answer(fitted, chances, plain, ruled, (counts[0], counts[1]), choice, temperature, share)


def inner_chances(spec: ContestSpec, choices: Sequence[Any], train: FailureRows) -> tuple[Floats, Floats]:
    """Chances ``(n_choices, n, 6)`` and hazard ``(n,)`` of the training rows, each row held out by an inner fold."""
    chances, hazard = np.zeros((len(choices), len(train), len(CLASSES))), np.zeros(len(train))
    for fit, held in folds_of(train.labels, spec.contest.inner_folds):
        others = [train.X.iloc[held]]
        (hazard[held],), given = fitted_chances(spec, choices, train.part(fit), others, inner=True)
        chances[:, held] = [own for (own,) in given]
    return chances, hazard


def best_calibration(
    spec: Contest,
    chances: Floats,
    hazard: Floats,
    y: Numbers,
) -> tuple[float, float, float]:
    """The lowest log loss of chances ``(n, 6)``, and the temperature and the share of the hazard that reach it."""
    found = []
    for temperature, share in product(spec.temperatures, spec.hazard_shares):
        mended = with_hazard(tempered(chances, temperature), hazard, share)
        found.append((log_loss(y, mended), temperature, share))
    return min(found)


def fitted_chances(
    spec: ContestSpec,
    choices: Sequence[Any],
    train: FailureRows,
    others: Sequence[pd.DataFrame],
    *,
    inner: bool = False,
) -> tuple[list[Floats], list[list[Floats]]]:
    """The hazard ``(n,)`` for each other set of rows, and for each choice the model's chances ``(n, 6)`` of each.

    Inner folds judge a choice by fewer networks, or by a smaller forest, than answer in the end.
    """
    seen, (_, *worn) = networks.seen_by_network(spec.network, train.X, train.labels, others)
    if isinstance(choices[0], NetworkChoice):
        seeds = spec.contest.inner_seeds if inner else spec.contest.seeds
        return worn, _network_chances(spec.network, choices, train.labels, seen, seeds)
    known, rows = quantities(train.X), [quantities(other) for other in others]
    contest = replace(spec.contest, trees=spec.contest.inner_trees if inner else spec.contest.trees)
    return worn, [rival_chances(contest, choice, known, train.labels, rows) for choice in choices]


def _network_chances(
    spec: Network, choices: Sequence[NetworkChoice], labels: Labels, seen: Sequence[Any], seeds: int
) -> list[list[Floats]]:
    """Mean chances of networks with other seeds, for each choice; all train together."""
    from labcode.nets.together import TrainingRows

    members = range(SEED, SEED + seeds)
    unfitted = [each for choice in choices for each in networks.failure_networks(spec, choice, labels, members)]
    fitted = fitted_together(unfitted, [TrainingRows(seen[0], labels)] * len(unfitted))
    found = []
    for start in range(0, len(fitted), seeds):
        own_fits = fitted[start : start + seeds]
        mean = [np.mean([member.predict_proba(own) for member in own_fits], axis=0) for own in seen[1:]]
        found.append([_undone(own, own_fits[0].classes_, own_fits[0].class_weight_) for own in mean])
    return found


def _undone(given: Floats, names: Labels, weights: Floats) -> Floats:
    return in_all_classes(without_weights(np.asarray(given, dtype=np.float64), weights), names)


def rank_inputs(known: pd.DataFrame, train: pd.DataFrame) -> Floats:
    """Where each value stands among the training rows' distinct ones: what float32 trees can tell apart.

    A value between two of them stands half-way.
    """
    columns = []
    for name, column in known.items():
        values = np.unique(train[name])
        columns.append((np.searchsorted(values, column, "left") + np.searchsorted(values, column, "right")) / 2)
    return np.column_stack(columns)


def rival(spec: Contest, choice: RivalChoice) -> ClassifierMixin:
    """The unfitted forest, boosted trees or logistic regression (on standardised quantities) that a choice is for."""
    if isinstance(choice, ForestChoice):
        return RandomForestClassifier(spec.trees, max_features=choice.features, random_state=SEED)
    if isinstance(choice, LogisticChoice):
        return make_pipeline(StandardScaler(), LogisticRegression(C=choice.c, max_iter=500))
    return HistGradientBoostingClassifier(
        learning_rate=choice.rate,
        max_leaf_nodes=choice.leaves,
        max_iter=spec.iterations,
        early_stopping=False,
        random_state=SEED,
    )


def rival_chances(
    spec: Contest, choice: RivalChoice, train: pd.DataFrame, labels: Labels, others: list[pd.DataFrame]
) -> list[Floats]:
    """Fit a rival on quantities ``(n, 11)``: its chances ``(n, 6)`` for other rows, weights of the classes undone."""
    names, counts = np.unique(labels, return_counts=True)
    weights = (counts / len(labels)) ** -choice.weights
    model, ranked = rival(spec, choice), not isinstance(choice, LogisticChoice)
    seen = [rank_inputs(rows, train) if ranked else rows.to_numpy() for rows in (train, *others)]
    name = "sample_weight" if ranked else "logisticregression__sample_weight"
    model.fit(seen[0], labels, **{name: weights[np.searchsorted(names, labels)]})
    return [_undone(model.predict_proba(rows), names, weights) for rows in seen[1:]]
