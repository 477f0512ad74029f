"""The experiment on the ceiling: what one who knows the rules scores on the rows, and on simulated tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from labcode.data.columns import FAILURE
from labcode.data.simulate_maintenance import simulate_maintenance
from labcode.lab.classification import ceiling
from labcode.lab.classification.ceiling import PUBLISHED, STAND_IN, Chances, Precision, Weights
from labcode.lab.classification.ceiling_results import Ceiling, Decision
from labcode.lab.classification.classes import CLASSES
from labcode.lab.classification.rows import Compared, Numbers, class_numbers, confusion_counts, row_losses
from labcode.lab.classification.settings import Simulation
from labcode.lab.needs import on_machines
from labcode.lab.quantities import Data, Stored, number
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.scoring.intervals import mean_interval, next_draw_interval
from labcode.scoring.scores import Floats, accuracy, f1_scores, macro_f1
from labcode.settings import SEED

#: What a decision may know of a row.
VIEWS = ("exact", "printed", "row order")
#: Decisions: what each sees of a row, and whether it is the best one or the most probable class.
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
    published, stand_in = (_weights(tables, chances) for chances in (PUBLISHED, STAND_IN))
    progress(0.15)
    views = _views(rows, PUBLISHED)
    measured = ceiling.decide(ceiling.true_probabilities(rows, STAND_IN), stand_in["exact"])
    named = dict(zip(DECISIONS, _named(views, published))) | {"best_measured": measured}
    drawn = []
    for i in range(spec.draws):  # not side by side: what starts another process takes longer than many tables
        drawn.append(_score_draw(spec.rows, _SCORING + i, stand_in))
        progress(0.15 + 0.8 * (i + 1) / spec.draws)
    scores, parts = (np.array(found) for found in zip(*drawn, strict=True))
    return Ceiling(
        **_on_rows(y, named),
        log_loss=number(mean_interval(row_losses(y, views["exact"]), np.arange(len(y)))),
        **_edge(rows, y),
        draws=len(drawn),
        simulated={name: number(next_draw_interval(column)) for name, column in zip(DECISIONS, scores.T)},
        leak_bound={size: Number(float(column.max())) for size, column in zip(spec.rows, parts.T, strict=True)},
    )


def _views(rows: pd.DataFrame, chances: Chances) -> dict[str, Floats]:
    """Probabilities by what is known of a row."""
    return {
        "exact": ceiling.true_probabilities(rows, chances),
        "printed": ceiling.true_probabilities(rows, chances, heat=ceiling.heat_as_printed(rows)),
        "row order": ceiling.true_probabilities(rows, chances, ends=ceiling.known_ends(rows)),
    }


def _weights(tables: list[pd.DataFrame], chances: Chances) -> dict[str, Weights]:
    """The best decision for each view, set on simulated rows without their labels."""
    views = [_views(table, chances) for table in tables]
    return {view: ceiling.best_weights(np.concatenate([each[view] for each in views])) for view in VIEWS}


def _named(views: Mapping[str, Floats], best: Mapping[str, Weights]) -> list[Numbers]:
    """What each decision calls the rows."""
    weights = {True: best, False: dict.fromkeys(VIEWS, ceiling.MOST_PROBABLE)}
    return [ceiling.decide(views[view], weights[is_best][view]) for view, is_best in DECISIONS.values()]


def _on_rows(y: Numbers, named: Mapping[str, Numbers]) -> dict[str, Any]:
    """Scores of each decision on the rows, and paired differences."""
    found, place = Compared.of(y, list(named.values())), {name: i for i, name in enumerate(named)}
    decisions: dict[str, Any] = {
        name: Decision(
            macro_f1=found.score(macro_f1, i), accuracy=found.score(accuracy, i), f1=found.by_class(f1_scores, i)
        )
        for name, i in place.items()
    }
    return decisions | {
        "gain_of_deciding": found.gain(macro_f1, place["best"], place["most_probable"]),
        "artefact_best": found.gain(macro_f1, place["best"], place["best_printed"]),
    }


def _edge(rows: pd.DataFrame, y: Numbers) -> dict[str, Any]:
    """Rows whose temperatures are 8.6 K apart as printed, and how well a difference tells which of them failed."""
    edge = ceiling.on_the_edge(rows)
    heat = np.array(list(CLASSES.values()))[y[edge]] == "heat_dissipation"
    differences = {name: ceiling.temperature_difference(rows[edge], name) for name in PRECISIONS}
    return {
        "edge_rows": Number(int(edge.sum())),
        "edge_failures": Number(int(heat.sum())),
        "edge_right": {name: Number(ceiling.most_right(values, heat)) for name, values in differences.items()},
    }


def _score_draw(sizes: tuple[int, ...], seed: int, best: Mapping[str, Weights]) -> tuple[Floats, list[float]]:
    """Macro-F1 on a simulated table of each decision that knows its rules, and of the best one on parts of it."""
    rows = simulate_maintenance(sizes[0], seed)
    y, named = class_numbers(rows[FAILURE]), np.stack(_named(_views(rows, STAND_IN), best))
    ours, order = named[list(DECISIONS).index("best")], np.random.default_rng(seed).permutation(len(y))
    parts = [float(macro_f1(confusion_counts(y[order[:n]], ours[order[:n]]))) for n in sizes]
    return macro_f1(confusion_counts(y, named)), parts


EXPERIMENTS = (on_machines(run_ceiling, "classification.ceiling", seconds=30),)
