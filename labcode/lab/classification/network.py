"""The network that tells failures apart: what it sees of a machine, and how its chances become a decision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.isotonic import IsotonicRegression
from sklearn.tree import DecisionTreeClassifier

from labcode.data.columns import QUALITIES, QUALITY, SENSORS
from labcode.data.labels import power
from labcode.lab.classification.classes import Inputs, Labels
from labcode.lab.classification.rows import in_all_classes
from labcode.scoring.scores import Floats

if TYPE_CHECKING:
    from labcode.lab.classification.settings import Network, NetworkChoice, Plain
    from labcode.nets.estimators import TabularClassifier

#: Edges of each quantity.
Edges = dict[str, list[float]]
#: Place of tool wear failures among the labels in alphabetical order.
TOOL_WEAR = 5


def quantities(rows: pd.DataFrame) -> pd.DataFrame:
    """Sensors (K, K, rpm, Nm, min), quality, and what follows: K, W, and min Nm for each quality; ``(n, 11)``."""
    air, process, speed, torque, wear = (rows[sensor].astype(float) for sensor in SENSORS)
    sensors = {"air": air, "process": process, "speed": speed, "torque": torque, "wear": wear}
    known, grade = pd.DataFrame(sensors), rows[QUALITY].astype(str)
    known["quality"] = grade.map(QUALITIES.index).astype(float)
    known["difference"] = process - air
    known["power"] = power(torque, speed)
    for quality in QUALITIES:  # each quality has a limit of its own; 0 is far below any
        known[f"strain_{quality}"] = (wear * torque).where(grade == quality, 0.0)
    return known


def tree_questions(
    known: pd.DataFrame,
    labels: Labels,
    *,
    leaves: int,
    min_rows: int,
    min_gain: float,
) -> Edges:
    """Where a small tree for each failure cuts each quantity.

    scikit-learn's trees round to float32, which hides what separates some heat failures. Ranks it keeps as they are.
    A cut has to pay: its likelihood-ratio statistic is at least ``min_gain``.
    """
    levels = {name: np.unique(column) for name, column in known.items()}
    ranks = np.column_stack([np.searchsorted(levels[name], known[name]) for name in levels])
    edges: Edges = {str(name): [] for name in known}
    for failure in np.setdiff1d(labels, ["No Failure"]):
        tree = DecisionTreeClassifier(
            criterion="entropy",
            max_leaf_nodes=leaves,
            min_samples_leaf=min_rows,
            min_impurity_decrease=min_gain / (2 * np.log(2) * len(known)),
            random_state=0,
        ).fit(ranks, labels == failure)
        for column, rank in zip(tree.tree_.feature, tree.tree_.threshold, strict=True):
            if column >= 0:  # no leaf
                name = known.columns[column]
                below, above = levels[name][[int(rank), int(rank) + 1]]
                edges[name].append(float((below + above) / 2))
    return {name: sorted(set(found)) for name, found in edges.items()}


def wear_hazard(wear: pd.Series, labels: Labels) -> IsotonicRegression:
    """The chance of a tool wear failure at each wear (min): it never falls as wear grows."""
    return IsotonicRegression(out_of_bounds="clip").fit(wear, labels == "Tool Wear Failure")


def network_inputs(
    known: pd.DataFrame,
    train: pd.DataFrame,
    edges: Edges,
    hazard: Floats,
) -> Inputs:
    """Quantities scaled as the training rows', the chance of a worn tool, and 1 or 0 for "above this edge?"."""
    scaled = ((known - train.mean()) / train.std(ddof=0).replace(0.0, 1.0)).to_numpy()
    answers = [known[[name]].to_numpy() > np.array(own) for name, own in edges.items() if own]
    return np.hstack([scaled, 20 * hazard[:, None], *answers]).astype(np.float32)


def seen_by_network(
    settings: Network, train: pd.DataFrame, labels: Labels, others: Sequence[pd.DataFrame]
) -> tuple[list[Inputs], list[Floats]]:
    """Inputs of the training rows and of others, and the chance of a worn tool in each; training rows set all."""
    known = [quantities(rows) for rows in (train, *others)]
    hazard = wear_hazard(known[0]["wear"], labels)
    worn = [hazard.predict(own["wear"]) for own in known]
    edges = tree_questions(
        known[0], labels, leaves=settings.leaves, min_rows=settings.min_rows, min_gain=settings.min_gain
    )
    return [network_inputs(own, known[0], edges, chance) for own, chance in zip(known, worn, strict=True)], worn


def failure_networks(settings: Network, choice: NetworkChoice, labels: Labels, seeds: range) -> list[TabularClassifier]:
    """Unfitted networks that differ in their seed alone; a class weighs 1 / share ** ``weights`` in their loss."""
    shares = pd.Series(labels).value_counts(normalize=True)
    weights = (shares**-choice.weights).to_dict() if choice.weights else None
    changed = {name: value for name in ("hidden", "lr") if (value := getattr(choice, name))}
    return plain_networks(
        settings, choice.epochs or settings.epochs, seeds, l1=choice.l1, class_weight=weights, **changed
    )


def plain_networks(
    settings: Network | Plain, epochs: int, seeds: Iterable[int], **changes: Any
) -> list[TabularClassifier]:
    """Unfitted networks that differ in their seed alone."""
    from labcode.nets.estimators import TabularClassifier

    options: dict[str, Any] = {
        "hidden": settings.hidden,
        "batch_size": settings.batch_size,
        "max_epochs": epochs,
        "optimizer": "adamw",
        "lr": settings.lr,
        "schedule": "onecycle",
        "weight_decay": settings.weight_decay,
    }
    return [TabularClassifier(**options | changes, random_state=seed) for seed in seeds]


def fitted_together(networks: Sequence[Any], rows: Sequence[Any], n_jobs: int | None = None) -> list[Any]:
    """Networks fitted as :func:`~labcode.nets.together.fit_together` does; an error of one of them is raised."""
    from labcode.nets.together import fit_together

    fits = fit_together(networks, rows, n_jobs=n_jobs)
    for fit in fits:
        if fit.error is not None:
            raise fit.error
    return [fit.estimator for fit in fits]


def class_chances(tasks: Sequence[tuple[Sequence[Any], Inputs, Labels, Inputs]]) -> list[Floats]:
    """For each task of networks, inputs and labels, what they say of other inputs, ``(n_networks, n, 6)``."""
    from labcode.nets.together import TrainingRows

    networks = [network for own, *_ in tasks for network in own]
    rows = [own_rows for own, X, labels, _ in tasks for own_rows in [TrainingRows(X, labels)] * len(own)]
    fitted = iter(fitted_together(networks, rows, n_jobs=-1))
    return [
        np.stack([in_all_classes(each.predict_proba(held), each.classes_) for each in islice(fitted, len(own))])
        for own, *_, held in tasks
    ]


def tempered(chances: Floats, temperature: float) -> Floats:
    """Chances ``(n, k)`` made less certain by a temperature above 1, more certain by one below."""
    powers = np.clip(chances, 1e-9, 1.0) ** (1 / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def with_hazard(chances: Floats, hazard: Floats, share: float) -> Floats:
    """Chances of which that of a worn tool is partly the hazard's ``(n,)``; the others are scaled to fit."""
    worn = (1 - share) * chances[:, TOOL_WEAR] + share * hazard
    mixed = chances * ((1 - worn) / np.maximum(1 - chances[:, TOOL_WEAR], 1e-9))[:, None]
    mixed[:, TOOL_WEAR] = worn
    return np.asarray(mixed / mixed.sum(axis=1, keepdims=True))
