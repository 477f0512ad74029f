"""One table of every macro-F1 that the book has of a network on the machines, and of what each was measured on."""

from __future__ import annotations

from math import ceil

import pandas as pd

from labcode import settings
from labcode.lab.classification.first_results import AsSubmitted, Leakage
from labcode.lab.classification.settings import Balancing, Faults, First, Network, Plain
from labcode.lab.classification.sound_results import Contest, Tuned
from labcode.lab.classification.training_results import EqualAlarms, HeldBack
from labcode.lab.config import configured
from labcode.results.number import Number, decimals

MEASURED, DERIVED = "sensors, quality", "sensors, quality, 3 derived"
QUESTIONS = "sensors, quality, derived, tree questions"
WITH_TARGET = f"{MEASURED}, Target"
COLUMNS = ("where", "network", "trained on", "scored on", "inputs", "epochs", "steps", "seeds", "macro-F1")
#: A score with its columns from "network" on, numbers not yet printed.
Row = tuple[str | float | Number, ...]


def every_score(
    first: AsSubmitted, leakage: Leakage, alarms: EqualAlarms, held: HeldBack, contest: Contest, tuned: Tuned
) -> pd.DataFrame:
    """A row a score: where it stands, rows trained and scored on, inputs, epochs, optimiser steps, seeds, macro-F1.

    Epochs pass over the training rows of a fold, those of SMOTE included.
    """
    sections: dict[str, list[Row]] = {
        "our first version": _of_first(first),
        "the faults": _of_faults(leakage),
        "balancing": _of_balancing(alarms),
        "holding back": _of_regularizing(held, float(leakage.rows)),
        "the contest": _of_contest(contest, tuned),
    }
    rows = [(where, *map(_printed, row)) for where, own in sections.items() for row in own]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def steps(epochs: int, rows: float, batch: int) -> int:
    """Optimiser steps of so many passes over so many rows.

    >>> steps(4, 1000, 128)
    32
    """
    return epochs * ceil(rows / batch)


def _of_first(found: AsSubmitted) -> list[Row]:
    first = configured(First, "classification.first", profile=settings.profile())
    natural, right, how = found.natural, found.split_first, (WITH_TARGET, first.epochs, first.epochs)
    trained = f"{found.train_rows}, SMOTE's among them"
    in_order = f"{decimals(natural.rows.value - right.rows.value, 0)} recorded, with SMOTE"
    return [
        ("plain", trained, f"{found.test_rows} balanced", *how, found.seeds, found.plain.macro_f1),
        ("plain", trained, f"{natural.rows} recorded, most trained on", *how, found.seeds, natural.macro_f1),
        ("plain", trained, f"{found.held_out.rows} recorded", *how, found.seeds, found.held_out.macro_f1),
        ("plain, split first", in_order, f"{right.rows} recorded", *how, first.order_seeds, right.macro_f1),
    ]


def _of_faults(found: Leakage) -> list[Row]:
    spec = configured(Faults, "classification.faults", profile=settings.profile())
    sound, both = found.variants["sound"], found.variants["both"]
    kept, batch = _kept(float(both.own_rows), found.folds), configured(Plain, "classification.plain").batch_size
    out, own = f"{found.rows} recorded, out of fold", f"{both.own_rows}, SMOTE's among them, classes alike"
    inside, before = (f"{decimals(kept, 0)}, SMOTE {when}" for when in ("in the fold", "before the split"))
    how = (spec.epochs, steps(spec.epochs, kept, batch), found.seeds)
    return [
        ("plain", inside, out, MEASURED, *how, sound.macro_f1),
        ("plain, SMOTE and Target", before, out, WITH_TARGET, *how, both.macro_f1),
        ("plain, SMOTE and Target", before, own, WITH_TARGET, *how, both.own_macro_f1),
    ]


def _of_balancing(found: EqualAlarms) -> list[Row]:
    rows = float(found.failures) + float(found.healthy)
    spec = configured(Balancing, "classification.balancing", profile=settings.profile())
    trained, out = _folds(rows, spec.folds)
    ways = {"nothing": ("plain, nothing", trained), "smote": ("plain, SMOTE", f"{trained}, with SMOTE")}
    return [
        (*ways[name], out, DERIVED, "", float(own.updates), found.seeds, own.macro_f1)
        for name in ways
        for own in [found.methods[name]]
    ]


def _of_regularizing(found: HeldBack, rows: float) -> list[Row]:
    batch = configured(Network, "classification.network").batch_size
    how = (QUESTIONS, found.epochs, steps(found.epochs, _kept(rows, found.folds), batch), found.seeds)
    names = {"none": "with questions, not held back", "recipe": "with questions, the recipe"}
    return [(text, *_folds(rows, found.folds), *how, found.techniques[name].macro_f1) for name, text in names.items()]


def _of_contest(found: Contest, tuned: Tuned) -> list[Row]:
    network, rows = configured(Network, "classification.network", profile=settings.profile()), len(found.y)
    taken = steps(network.epochs, _kept(rows, found.folds), network.batch_size)
    scores = {
        "with questions, most probable class": found.network_without_rule.macro_f1,
        "with questions, best macro-F1": found.network.macro_f1,
        "the same, first repeat, first setting": tuned.start_macro_f1,
        "the same, first repeat, larger search": tuned.macro_f1,
    }
    how = (*_folds(rows, found.folds), QUESTIONS, network.epochs, taken, found.seeds)
    return [(text, *how, score) for text, score in scores.items()]


def _kept(rows: float, folds: int) -> float:
    """Rows that are trained on where a fold is held out."""
    return rows * (folds - 1) / folds


def _folds(rows: float, folds: int) -> tuple[str, str]:
    """What is trained and what is scored on."""
    return f"{decimals(_kept(rows, folds), 0)} recorded", f"{decimals(rows, 0)} recorded, out of fold"


def _printed(cell: str | float | Number) -> str:
    if isinstance(cell, Number):
        return str(cell.interval)
    return cell if isinstance(cell, str) else decimals(float(cell), 0)
