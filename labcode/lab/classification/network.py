"""The network that tells failures apart: what it sees of a machine, and how its chances become a decision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.tree import DecisionTreeClassifier

from labcode.data.columns import QUALITIES, QUALITY, SENSORS
from labcode.data.labels import power

if TYPE_CHECKING:
    from labcode.lab.classification.settings import Network, NetworkChoice, Plain
    from labcode.nets.estimators import TabularClassifier

Floats = NDArray[np.float64]
Labels = NDArray[np.str_]
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
) -> NDArray[np.float32]:
    """Quantities scaled as the training rows', the chance of a worn tool, and 1 or 0 for "above this edge?"."""
    scaled = ((known - train.mean()) / train.std(ddof=0).replace(0.0, 1.0)).to_numpy()
    answers = [known[[name]].to_numpy() > np.array(own) for name, own in edges.items() if own]
    return np.hstack([scaled, 20 * hazard[:, None], *answers]).astype(np.float32)


def seen_by_network(
    settings: Network, train: pd.DataFrame, labels: Labels, others: Sequence[pd.DataFrame]
) -> tuple[list[NDArray[np.float32]], list[Floats]]:
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
    from labcode.nets.estimators import TabularClassifier

    shares = pd.Series(labels).value_counts(normalize=True)
    options: dict[str, Any] = {
        "hidden": choice.hidden or settings.hidden,
        "batch_size": settings.batch_size,
        "max_epochs": choice.epochs or settings.epochs,
        "optimizer": "adamw",
        "lr": choice.lr or settings.lr,
        "schedule": "onecycle",
        "weight_decay": settings.weight_decay,
        "l1": choice.l1,
        "class_weight": (shares**-choice.weights).to_dict() if choice.weights else None,
    }
    return [TabularClassifier(**options, random_state=seed) for seed in seeds]


def plain_networks(settings: Plain, epochs: int, seeds: Iterable[int], **changes: Any) -> list[TabularClassifier]:
    """Unfitted networks that ask no questions, and differ in their seed alone."""
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
