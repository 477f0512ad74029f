"""One table of every macro-F1 that the book has of a network on the machines, and of what each was measured on."""

from __future__ import annotations

from math import ceil

import pandas as pd

from labcode import settings
from labcode.lab.classification.balancing_results import EqualAlarms
from labcode.lab.classification.faults_results import Leakage
from labcode.lab.classification.first_results import AsSubmitted
from labcode.lab.classification.regularizing_results import HeldBack
from labcode.lab.classification.settings import Balancing, Faults, First, Network, Plain
from labcode.lab.classification.sound_results import Contest
from labcode.lab.classification.tuned_results import Tuned
from labcode.lab.config import configured
from labcode.results.number import Number, decimals

#: Where each score stands.
SECTIONS = {
    "first": "our first version",
    "faults": "the faults",
    "balancing": "balancing",
    "regularizing": "holding back",
    "contest": "the contest",
}
MEASURED, DERIVED = "sensors, quality", "sensors, quality, 3 derived"
QUESTIONS = "sensors, quality, derived, tree questions"
WITH_TARGET = f"{MEASURED}, Target"
COLUMNS = ("where", "network", "trained on", "scored on", "inputs", "epochs", "steps", "seeds", "macro-F1")
Row = tuple[str | float, ...]


def every_score(
    first: AsSubmitted,
    leakage: Leakage,
    alarms: EqualAlarms,
    held: HeldBack,
    contest: Contest,
    tuned: Tuned,
) -> pd.DataFrame:
    """A row a score: where it stands, rows trained and scored on, inputs, epochs, optimiser steps, seeds, macro-F1.

    Epochs pass over the training rows of a fold, those of SMOTE included.
    """
    rows = [*_of_first(first), *_of_faults(leakage), *_of_balancing(alarms), *_of_regularizing(held, leakage)]
    rows += _of_contest(contest, tuned, len(contest.y))
    return pd.DataFrame([_printed(row) for row in rows], columns=list(COLUMNS))


def steps(epochs: int, rows: float, batch: int) -> int:
    """Optimiser steps of so many passes over so many rows.

    >>> steps(4, 1000, 128)
    32
    """
    return epochs * ceil(rows / batch)


def _of_first(found: AsSubmitted) -> list[Row]:
    first = configured(First, "classification.first", profile=settings.profile())
    balanced, natural = found.plain, found.natural
    how: tuple[str | float, ...] = (WITH_TARGET, first.epochs, first.epochs)
    trained = f"{found.train_rows}, SMOTE's among them"
    name = SECTIONS["first"]
    return [
        (name, "plain", trained, f"{found.test_rows} balanced", *how, found.seeds, balanced.macro_f1.interval),
        (name, "plain", trained, f"{natural.rows} recorded, most trained on", *how, found.seeds, _of(natural.macro_f1)),
        (name, "plain", trained, f"{found.held_out.rows} recorded", *how, found.seeds, _of(found.held_out.macro_f1)),
        (
            name,
            "plain, split first",
            f"{decimals(natural.rows.value - found.split_first.rows.value, 0)} recorded, with SMOTE",
            f"{found.split_first.rows} recorded",
            *how,
            first.order_seeds,
            _of(found.split_first.macro_f1),
        ),
    ]


def _of_faults(found: Leakage) -> list[Row]:
    spec = configured(Faults, "classification.faults", profile=settings.profile())
    sound, both = found.variants["sound"], found.variants["both"]
    batch, kept = configured(Plain, "classification.plain").batch_size, (found.folds - 1) / found.folds
    taken = steps(spec.epochs, float(both.own_rows) * kept, batch)
    trained = decimals(float(both.own_rows) * kept, 0)
    out, own = f"{found.rows} recorded, out of fold", f"{both.own_rows}, SMOTE's among them, classes alike"
    inside, before = f"{trained}, SMOTE in the fold", f"{trained}, SMOTE before the split"
    how = (spec.epochs, taken, found.seeds)
    return [
        (SECTIONS["faults"], "plain", inside, out, MEASURED, *how, _of(sound.macro_f1)),
        (SECTIONS["faults"], "plain, SMOTE and Target", before, out, WITH_TARGET, *how, _of(both.macro_f1)),
        (SECTIONS["faults"], "plain, SMOTE and Target", before, own, WITH_TARGET, *how, _of(both.own_macro_f1)),
    ]


def _of_balancing(found: EqualAlarms) -> list[Row]:
    rows = float(found.failures) + float(found.healthy)
    spec = configured(Balancing, "classification.balancing", profile=settings.profile())
    kept, out = _kept(rows, spec.folds), f"{decimals(rows, 0)} recorded, out of fold"
    trained = {"nothing": f"{kept} recorded", "smote": f"{kept} recorded, with SMOTE"}
    return [
        (
            SECTIONS["balancing"],
            f"plain, {name}" if name == "nothing" else "plain, SMOTE",
            text,
            out,
            DERIVED,
            "",
            float(found.methods[name].updates),
            found.seeds,
            _of(found.methods[name].macro_f1),
        )
        for name, text in trained.items()
    ]


def _of_regularizing(found: HeldBack, leakage: Leakage) -> list[Row]:
    rows = float(leakage.rows)
    taken = steps(
        found.epochs, rows * (found.folds - 1) / found.folds, configured(Network, "classification.network").batch_size
    )
    return [
        (
            SECTIONS["regularizing"],
            text,
            f"{_kept(rows, found.folds)} recorded",
            f"{decimals(rows, 0)} recorded, out of fold",
            QUESTIONS,
            found.epochs,
            taken,
            found.seeds,
            _of(found.techniques[name].macro_f1),
        )
        for name, text in {"none": "with questions, not held back", "recipe": "with questions, the recipe"}.items()
    ]


def _of_contest(found: Contest, tuned: Tuned, rows: int) -> list[Row]:
    network = configured(Network, "classification.network", profile=settings.profile())
    taken = steps(network.epochs, rows * (found.folds - 1) / found.folds, network.batch_size)
    trained, out = f"{_kept(rows, found.folds)} recorded", f"{decimals(rows, 0)} recorded, out of fold"
    scores = {
        "with questions, most probable class": found.network_without_rule.macro_f1,
        "with questions, best macro-F1": found.network.macro_f1,
        "the same, first repeat, first setting": tuned.start_macro_f1,
        "the same, first repeat, larger search": tuned.macro_f1,
    }
    return [
        (SECTIONS["contest"], text, trained, out, QUESTIONS, network.epochs, taken, found.seeds, _of(score))
        for text, score in scores.items()
    ]


def _kept(rows: float, folds: int) -> str:
    return decimals(rows * (folds - 1) / folds, 0)


def _of(score: Number) -> str:
    return str(score.interval)


def _printed(row: Row) -> tuple[str, ...]:
    return tuple(each if isinstance(each, str) else decimals(float(each), 0) for each in row)
