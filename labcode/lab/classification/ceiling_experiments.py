"""The experiment on the ceiling: what one who knows the rules scores on the rows, and on simulated tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from labcode.data.columns import FAILURE, QUALITIES, QUALITY
from labcode.data.labels import FAILURE_MODES
from labcode.data.simulate_maintenance import simulate_maintenance
from labcode.data.types import Dataset
from labcode.lab.classification.ceiling import (
    MOST_PROBABLE,
    PUBLISHED,
    STAND_IN,
    WEAR,
    Chances,
    Floats,
    Numbers,
    Precision,
    Weights,
    below_by_noise,
    best_weights,
    decide,
    heat_as_printed,
    known_ends,
    most_right,
    on_the_edge,
    temperature_difference,
    tool_ends,
    true_probabilities,
)
from labcode.lab.classification.ceiling_results import Ceiling, Decision
from labcode.lab.classification.ceiling_settings import Simulation
from labcode.lab.classification.classes import CLASSES, NORMAL
from labcode.lab.classification.needs import enough_of_each
from labcode.lab.config import configured
from labcode.results.experiments import Experiment, Progress
from labcode.results.number import Number
from labcode.results.store import Result
from labcode.scoring.intervals import Confusions, Interval, mean_interval, next_draw_interval
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
TOOL_WEAR = list(CLASSES).index(FAILURE_MODES["TWF"])
#: Wear (min) that no tool lives to see, by the published rules.
_LONGEST = 241
#: Seeds of the simulated tables: those that set the decisions, and those that are scored.
_LEARNING, _SCORING = 1_000 + SEED, 1_000_000 + SEED


def run_ceiling(spec: Simulation, *, data: Data, results: Stored, progress: Progress) -> Ceiling:
    """Score decisions that know the rules, on the rows and on simulated tables; set them on other tables."""
    rows = data["maintenance"].frame
    y = _class_numbers(rows)
    tables = [simulate_maintenance(spec.rows[0], _LEARNING + i) for i in range(spec.learning_draws)]
    best = {chances: _weights(tables, chances) for chances in (PUBLISHED, STAND_IN)}
    progress(0.15)
    views, measured = _views(rows, PUBLISHED), true_probabilities(rows, STAND_IN)
    named = {name: _named(views, best[PUBLISHED], name) for name in DECISIONS}
    named["best_measured"] = decide(measured, best[STAND_IN]["exact"])
    drawn = []
    for i in range(spec.draws):  # not side by side: what starts another process takes longer than many tables
        drawn.append(_score_draw(spec.rows, _SCORING + i, best[STAND_IN]))
        progress(0.15 + 0.8 * (i + 1) / spec.draws)
    return Ceiling(
        **_on_rows(y, named),
        **_log_losses(y, views, measured),
        **_by_class(y, views["exact"]),
        **_edge(rows, y),
        **_simulated(spec, drawn),
        **_tool_failures(rows),
        **_tool_alarms(y, named["best"], best[PUBLISHED]["exact"]),
    )


def _class_numbers(rows: pd.DataFrame) -> Numbers:
    return np.searchsorted(list(CLASSES), rows[FAILURE].astype(str)).astype(np.int64)


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
        return _number(found.interval(lambda c: macro_f1(c[..., first, :, :]) - macro_f1(c[..., second, :, :])))

    decisions: dict[str, Any] = {}
    for name, i in place.items():
        own = Confusions(found.counts[i], found.draws[:, i])
        by_class = dict(zip(CLASSES.values(), map(_number, own.intervals(f1_scores)), strict=True))
        decisions[name] = Decision(
            macro_f1=_number(own.interval(macro_f1)), accuracy=_number(own.interval(accuracy)), f1=by_class
        )
    return decisions | {
        "gain_of_deciding": difference("best", "most_probable"),
        "gain_of_measuring": difference("best_measured", "best"),
        "artefact_most_probable": difference("most_probable", "most_probable_printed"),
        "artefact_best": difference("best", "best_printed"),
        "gain_of_row_order": difference("row_order", "best"),
    }


def _number(found: Interval) -> Number:
    return Number(found.value, found.low, found.high)


def _surprise(y: Numbers, probabilities: Floats) -> Floats:
    """Minus the logarithm of the probability of the actual class, at least 1e-15, ``(n,)``."""
    return np.asarray(-np.log(np.clip(probabilities[np.arange(len(y)), y], 1e-15, 1)))


def _log_losses(y: Numbers, views: Mapping[str, Floats], measured: Floats) -> dict[str, Any]:
    exact = views["exact"]
    entropy = -(exact * np.log(np.clip(exact, 1e-15, 1))).sum(axis=1)
    losses = {"log_loss": exact, "log_loss_measured": measured, "log_loss_printed": views["printed"]}
    found = {
        name: _number(mean_interval(_surprise(y, probabilities), np.arange(len(y))))
        for name, probabilities in losses.items()
    }
    return found | {"log_loss_expected": Number(float(entropy.mean()))}


def _by_class(y: Numbers, probabilities: Floats) -> dict[str, Any]:
    """Rows of each class that the rules expect and that there are, and labels that the rules exclude."""
    excluded = probabilities[np.arange(len(y)), y] == 0
    expected, actual = probabilities.sum(axis=0), np.bincount(y, minlength=len(CLASSES))
    return {
        "contradictions": Number(int(excluded.sum())),
        "expected_rows": {name: Number(float(n)) for name, n in zip(CLASSES.values(), expected, strict=True)},
        "actual_rows": {name: Number(int(n)) for name, n in zip(CLASSES.values(), actual, strict=True)},
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
        "edge_other_failures": Number(int((~heat & (slugs != "no_failure")).sum())),
        "edge_right": {name: Number(n) for name, n in right.items()},
        "edge_below": Number(below_by_noise()),
    }


def _score_draw(sizes: tuple[int, ...], seed: int, best: Mapping[str, Weights]) -> dict[str, Any]:
    """Scores on a simulated table of decisions that know the rules by which it was drawn."""
    rows = simulate_maintenance(sizes[0], seed)
    y, views = _class_numbers(rows), _views(rows, STAND_IN)
    named = np.stack([_named(views, best, name) for name in DECISIONS])
    counts = confusion_counts(y, named, len(CLASSES))
    ours = list(DECISIONS).index("best")
    order = np.random.default_rng(seed).permutation(len(y))
    return {
        "macro_f1": macro_f1(counts),
        "f1": f1_scores(counts[ours]),
        "log_loss": float(_surprise(y, views["exact"]).mean()),
        "parts": [float(macro_f1(confusion_counts(y[order[:n]], named[ours][order[:n]], len(CLASSES)))) for n in sizes],
    }


def _simulated(spec: Simulation, drawn: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the simulated tables, where such tables fall, and the highest of all."""
    scores, by_class, parts = (np.array([each[name] for each in drawn]) for name in ("macro_f1", "f1", "parts"))
    losses = [each["log_loss"] for each in drawn]
    return {
        "draws": len(drawn),
        "simulated": {name: _number(next_draw_interval(column)) for name, column in zip(DECISIONS, scores.T)},
        "simulated_f1": {
            name: _number(next_draw_interval(column)) for name, column in zip(CLASSES.values(), by_class.T, strict=True)
        },
        "simulated_log_loss": _number(next_draw_interval(losses)),
        "leak_bound": {size: Number(float(column.max())) for size, column in zip(spec.rows, parts.T, strict=True)},
        "simulated_scores": scores,
    }


def _tool_failures(rows: pd.DataFrame) -> dict[str, Any]:
    """Chance that a tool fails by its wear, and the rows and failures that there are at each."""
    longest = int(rows[WEAR].max())
    wear = np.arange(longest + 1)
    made_up = {quality: pd.DataFrame({QUALITY: quality, WEAR: wear}) for quality in QUALITIES}
    chance = [
        [chances.fails * tool_ends(made_up[quality], chances.life) for quality in QUALITIES]
        for chances in (PUBLISHED, STAND_IN)
    ]
    failed = rows[FAILURE].astype(str) == FAILURE_MODES["TWF"]
    return {
        "wear": wear,
        "tool_failure": np.array(chance),
        "wear_rows": np.bincount(rows[WEAR].astype(int), minlength=longest + 1),
        "wear_failures": np.bincount(rows.loc[failed, WEAR].astype(int), minlength=longest + 1),
    }


def _tool_alarms(y: Numbers, named: Numbers, weights: Weights) -> dict[str, Any]:
    """Rows that the best decision calls tool wear failures, and from what wear on it does where nothing else fails."""
    wear = np.arange(_LONGEST)
    least = {}
    for quality in QUALITIES:
        ends = tool_ends(pd.DataFrame({QUALITY: quality, WEAR: wear}), PUBLISHED.life)
        probabilities = np.zeros((len(wear), len(CLASSES)))
        probabilities[:, TOOL_WEAR] = PUBLISHED.fails * ends
        probabilities[:, NORMAL] = 1 - probabilities[:, TOOL_WEAR]
        least[quality] = Number(int(wear[decide(probabilities, weights) == TOOL_WEAR].min()))
    called = named == TOOL_WEAR
    return {
        "tool_named": Number(int(called.sum())),
        "tool_found": Number(int((called & (y == TOOL_WEAR)).sum())),
        "tool_named_from": least,
    }


EXPERIMENTS = (
    Experiment(
        name="classification/ceiling",
        run=run_ceiling,
        spec=configured(Simulation, "classification.ceiling"),
        quick=configured(Simulation, "classification.ceiling", profile="quick"),
        datasets=("maintenance",),
        lacks=enough_of_each,
        seconds=30,
    ),
)
