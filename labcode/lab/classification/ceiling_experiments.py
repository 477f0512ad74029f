"""The experiment on the ceiling: what one who knows the rules scores on the rows, and on simulated tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from labcode.data.columns import FAILURE
from labcode.data.simulate_maintenance import simulate_maintenance
from labcode.data.types import Dataset
from labcode.lab.classification.ceiling import (
    MOST_PROBABLE,
    PUBLISHED,
    STAND_IN,
    Chances,
    Floats,
    Numbers,
    Precision,
    Weights,
    best_weights,
    decide,
    heat_as_printed,
    known_ends,
    most_right,
    on_the_edge,
    temperature_difference,
    true_probabilities,
)
from labcode.lab.classification.ceiling_results import Ceiling, Decision
from labcode.lab.classification.classes import CLASSES
from labcode.lab.classification.needs import enough_of_each
from labcode.lab.classification.rows import by_class, class_numbers, number, row_losses
from labcode.lab.classification.settings import Simulation
from labcode.lab.config import experiment
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.results.store import Result
from labcode.scoring.intervals import Confusions, mean_interval, next_draw_interval
from labcode.scoring.scores import accuracy, confusion_counts, f1_scores, macro_f1
from labcode.settings import SEED

Data = Mapping[str, Dataset]
Stored = Mapping[str, Result]
#: What a decision may know of a row.
VIEWS = ("exact", "printed", "row order")
#: Decisions on simulated tables: what each sees, and whether it is the best one or the most probable class.
DECISIONS = {
    "most_probable": ("exact", False),
    "best": ("exact", True),
    "most_probable_printed": ("printed", False),
    "best_printed": ("printed", True),
    "row_order": ("row order", True),
}
PRECISIONS: tuple[Precision, ...] = ("float64", "float32", "float64_as_float32", "printed")
#: Seeds of the simulated tables: those that set the decisions, and those that are scored.
_LEARNING, _SCORING = 1_000 + SEED, 1_000_000 + SEED


def run_ceiling(spec: Simulation, *, data: Data, results: Stored, progress: Progress) -> Ceiling:
    """Score decisions that know the rules, on the rows and on simulated tables; set them on other tables."""
    rows = data["maintenance"].frame
    y = class_numbers(rows[FAILURE])
    tables = [simulate_maintenance(spec.rows[0], _LEARNING + i) for i in range(spec.learning_draws)]
    best = {chances: _weights(tables, chances) for chances in (PUBLISHED, STAND_IN)}
    progress(0.15)
    views = _views(rows, PUBLISHED)
    named = {name: _named(views, best[PUBLISHED], name) for name in DECISIONS}
    named["best_measured"] = decide(true_probabilities(rows, STAND_IN), best[STAND_IN]["exact"])
    drawn = []
    for i in range(spec.draws):  # not side by side: what starts another process takes longer than many tables
        drawn.append(_score_draw(spec.rows, _SCORING + i, best[STAND_IN]))
        progress(0.15 + 0.8 * (i + 1) / spec.draws)
    return Ceiling(
        **_on_rows(y, named),
        log_loss=number(mean_interval(row_losses(y, views["exact"]), np.arange(len(y)))),
        **_edge(rows, y),
        **_simulated(spec, drawn),
    )


def _views(rows: pd.DataFrame, chances: Chances) -> dict[str, Floats]:
    """Probabilities by what is known of a row."""
    return {
        "exact": true_probabilities(rows, chances),
        "printed": true_probabilities(rows, chances, heat=heat_as_printed(rows)),
        "row order": true_probabilities(rows, chances, ends=known_ends(rows)),
    }


def _weights(tables: list[pd.DataFrame], chances: Chances) -> dict[str, Weights]:
    """The best decision for each view, set on simulated rows without their labels."""
    views = [_views(table, chances) for table in tables]
    return {view: best_weights(np.concatenate([each[view] for each in views])) for view in VIEWS}


def _named(views: Mapping[str, Floats], best: Mapping[str, Weights], decision: str) -> Numbers:
    view, is_best = DECISIONS[decision]
    return decide(views[view], best[view] if is_best else MOST_PROBABLE)


def _on_rows(y: Numbers, named: Mapping[str, Numbers]) -> dict[str, Any]:
    """Scores of each decision on the rows, and paired differences."""
    found = Confusions.of(y, list(named.values()), len(CLASSES))
    place = {name: i for i, name in enumerate(named)}

    def difference(ours: str, theirs: str) -> Number:
        first, second = place[ours], place[theirs]
        return number(found.interval(lambda c: macro_f1(c[..., first, :, :]) - macro_f1(c[..., second, :, :])))

    decisions: dict[str, Any] = {}
    for name, i in place.items():
        own = Confusions(found.counts[i], found.draws[:, i])
        decisions[name] = Decision(
            macro_f1=number(own.interval(macro_f1)),
            accuracy=number(own.interval(accuracy)),
            f1=by_class(map(number, own.intervals(f1_scores))),
        )
    return decisions | {
        "gain_of_deciding": difference("best", "most_probable"),
        "artefact_best": difference("best", "best_printed"),
    }


def _edge(rows: pd.DataFrame, y: Numbers) -> dict[str, Any]:
    """Rows whose temperatures are 8.6 K apart as printed, and how well a difference tells which of them failed."""
    edge = on_the_edge(rows)
    slugs = np.array(list(CLASSES.values()))[y[edge]]
    heat = slugs == "heat_dissipation"
    right = {name: most_right(temperature_difference(rows[edge], name), heat) for name in PRECISIONS}
    return {
        "edge_rows": Number(int(edge.sum())),
        "edge_failures": Number(int(heat.sum())),
        "edge_right": {name: Number(n) for name, n in right.items()},
    }


def _score_draw(sizes: tuple[int, ...], seed: int, best: Mapping[str, Weights]) -> dict[str, Any]:
    """Scores on a simulated table of decisions that know the rules by which it was drawn."""
    rows = simulate_maintenance(sizes[0], seed)
    y, views = class_numbers(rows[FAILURE]), _views(rows, STAND_IN)
    named = np.stack([_named(views, best, name) for name in DECISIONS])
    counts = confusion_counts(y, named, len(CLASSES))
    ours = list(DECISIONS).index("best")
    order = np.random.default_rng(seed).permutation(len(y))
    return {
        "macro_f1": macro_f1(counts),
        "parts": [float(macro_f1(confusion_counts(y[order[:n]], named[ours][order[:n]], len(CLASSES)))) for n in sizes],
    }


def _simulated(spec: Simulation, drawn: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the simulated tables, where such tables fall, and the highest of all."""
    scores, parts = (np.array([each[name] for each in drawn]) for name in ("macro_f1", "parts"))
    return {
        "draws": len(drawn),
        "simulated": {name: number(next_draw_interval(column)) for name, column in zip(DECISIONS, scores.T)},
        "leak_bound": {size: Number(float(column.max())) for size, column in zip(spec.rows, parts.T, strict=True)},
    }


EXPERIMENTS = (
    experiment(run_ceiling, "classification.ceiling", datasets=("maintenance",), lacks=enough_of_each, seconds=30),
)
