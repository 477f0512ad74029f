"""The network's rivals: a forest, boosting and logistic regression, offered the same quantities."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from labcode.lab.classification.sound_settings import BoostingChoice, Contest, ForestChoice, LogisticChoice
from labcode.settings import SEED

Floats = NDArray[np.float64]
RivalChoice = ForestChoice | BoostingChoice | LogisticChoice


def rank_inputs(known: pd.DataFrame, train: pd.DataFrame) -> Floats:
    """Where each value stands among the training rows' distinct ones: what float32 trees can tell apart.

    A value between two of them stands half-way.
    """
    columns = []
    for name, column in known.items():
        values = np.unique(train[name])
        columns.append((np.searchsorted(values, column, "left") + np.searchsorted(values, column, "right")) / 2)
    return np.column_stack(columns)


def forest(spec: Contest, choice: ForestChoice) -> RandomForestClassifier:
    """An unfitted forest."""
    return RandomForestClassifier(spec.trees, max_features=choice.features, random_state=SEED)


def boosting(spec: Contest, choice: BoostingChoice) -> HistGradientBoostingClassifier:
    """Unfitted boosted trees."""
    return HistGradientBoostingClassifier(
        learning_rate=choice.rate,
        max_leaf_nodes=choice.leaves,
        max_iter=spec.iterations,
        early_stopping=False,
        random_state=SEED,
    )


def logistic(choice: LogisticChoice) -> ClassifierMixin:
    """Unfitted logistic regression on standardised quantities."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=choice.c, max_iter=500))


def rival(spec: Contest, choice: RivalChoice) -> ClassifierMixin:
    """The unfitted rival that a choice is for."""
    if isinstance(choice, ForestChoice):
        return forest(spec, choice)
    return boosting(spec, choice) if isinstance(choice, BoostingChoice) else logistic(choice)


def rival_chances(
    spec: Contest,
    choice: RivalChoice,
    train: pd.DataFrame,
    labels: NDArray[np.str_],
    others: list[pd.DataFrame],
) -> tuple[list[Floats], NDArray[np.str_], Floats]:
    """Fit a rival on quantities ``(n, 11)``: its chances for other rows, their classes, the weight of each class."""
    names, counts = np.unique(labels, return_counts=True)
    weights = (counts / len(labels)) ** -choice.weights
    model = rival(spec, choice)
    ranked = not isinstance(choice, LogisticChoice)
    seen = rank_inputs(train, train) if ranked else train.to_numpy()
    of_rows = weights[np.searchsorted(names, labels)]
    weighing = {"sample_weight" if ranked else "logisticregression__sample_weight": of_rows}
    model.fit(seen, labels, **weighing)
    given = [model.predict_proba(rank_inputs(rows, train) if ranked else rows.to_numpy()) for rows in others]
    return given, names, weights
