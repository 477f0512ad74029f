"""The contest: the network and its rivals on the same folds, each with as many settings to choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from labcode.data.simulate_maintenance import simulate_maintenance
from labcode.lab.classification.classes import NORMAL, Fold, Numbers
from labcode.lab.classification.rows import (
    Compared,
    FailureRows,
    confusion_counts,
    failure_rows,
    folds_of,
    out_of_fold,
    row_losses,
)
from labcode.lab.classification.sound import Answer, ContestSpec, compete
from labcode.lab.classification.sound_results import Chances, Contest, Gain, LossGain, Scores
from labcode.lab.needs import on_machines
from labcode.lab.quantities import Data, Stored, number
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.scoring.intervals import Interval, mean_interval
from labcode.scoring.scores import Floats, accuracy, f1_scores, macro_f1, precisions, recalls
from labcode.settings import SEED

MODELS = ("network", "forest", "boosting", "logistic")
#: Each model's most probable class and its decision for macro-F1, as the results call them.
ENTRIES = {
    "network": ("network", True),
    "network_without_rule": ("network", False),
    **{f"{name}{'_with_rule' * ruled}": (name, ruled) for name in MODELS[1:] for ruled in (False, True)},
}
#: Seed of the fresh rows: neither the stand-in's nor one that a choice was looked at with.
FRESH_SEED = SEED + 2
#: Bins of equally many rows that calibration is judged in.
BINS = 20


def run_contest(spec: ContestSpec, *, data: Data, results: Stored, progress: Progress) -> Contest:
    """Let all models compete on every outer fold, and on fresh rows after training on all."""
    rows = failure_rows(data["maintenance"].frame)
    fresh = failure_rows(simulate_maintenance(spec.contest.fresh_rows, seed=FRESH_SEED))
    folds = [folds_of(rows.labels, spec.contest.folds, repeat) for repeat in range(spec.contest.repeats)]
    pairs = [pair for repeat in folds for pair in repeat]
    jobs = [(rows.part(fit), [rows.X.iloc[held]]) for fit, held in pairs]
    tasks = [(name, spec, *job) for name in MODELS for job in [(rows, [fresh.X]), *jobs]]
    answers = in_parallel(compete, tasks, done=progress)
    n = len(pairs) + 1
    by_model = {name: answers[i * n :][:n] for i, name in enumerate(MODELS)}
    held = {name: _Held.of(found[1:], folds) for name, found in by_model.items()}
    return _judged(spec, rows, fresh, folds, held, {name: own[0] for name, own in by_model.items()})


@dataclass(frozen=True)
class _Held:
    """What a model says of each row when it is held out: chances ``(repeats, n, 6)``, calls ``(repeats, n)``.

    The calls are of the most probable class and by the decision, as are the confusion counts ``(6, 6)`` of the training
    rows of all folds and repeats together.
    """

    chances: Floats
    calls: tuple[Numbers, Numbers]
    train: tuple[Floats, Floats]

    @classmethod
    def of(cls, answers: Sequence[Answer], folds: Sequence[Sequence[Fold]]) -> _Held:
        by_repeat = [answers[i * len(pairs) :][: len(pairs)] for i, pairs in enumerate(folds)]
        chances, plain, ruled = (
            np.stack([out_of_fold(pairs, [getattr(own, name)[0] for own in of]) for pairs, of in zip(folds, by_repeat)])
            for name in ("chances", "plain", "ruled")
        )
        train = [np.asarray(sum(own.train[i] for own in answers)) for i in (0, 1)]
        return cls(chances, (plain, ruled), (train[0], train[1]))


def _judged(
    spec: ContestSpec,
    rows: FailureRows,
    fresh: FailureRows,
    folds: Sequence[Sequence[Fold]],
    held: Mapping[str, _Held],
    on_fresh: Mapping[str, Answer],
) -> Contest:
    calls = [held[name].calls[ruled] for name, ruled in ENTRIES.values()]
    fresh_calls = [(on_fresh[name].ruled if ruled else on_fresh[name].plain)[0] for name, ruled in ENTRIES.values()]
    found, on_new = Compared.of(rows.y, calls, spec.contest.repeats), Compared.of(fresh.y, fresh_calls)
    by_fold = [_fold_scores(rows.y, own, folds) for own in calls]
    losses = {name: row_losses(rows.y, own.chances).mean(axis=0) for name, own in held.items()}
    fresh_losses = {name: row_losses(fresh.y, own.chances[0]) for name, own in on_fresh.items()}
    scores: dict[str, Any] = {
        entry: _scores(found, on_new, place, held[name].train[ruled])
        for place, (entry, (name, ruled)) in enumerate(ENTRIES.items())
    }
    return Contest(
        repeats=spec.contest.repeats,
        folds=spec.contest.folds,
        seeds=spec.contest.seeds,
        **scores,
        chances={
            name: Chances(
                log_loss=_mean(losses[name]),
                fresh_log_loss=_mean(fresh_losses[name]),
                calibration_error=Number(
                    float(np.mean([reliability(rows.y != NORMAL, 1 - each[:, NORMAL])[0] for each in own.chances]))
                ),
            )
            for name, own in held.items()
        },
        gains={
            entry: Gain(
                macro_f1=found.gain(macro_f1, 0, place),
                folds=number(corrected_interval(by_fold[0] - by_fold[place], spec.contest.folds)),
                fresh=on_new.gain(macro_f1, 0, place),
            )
            for place, entry in enumerate(ENTRIES)
            if place
        },
        loss_gains={name: LossGain(log_loss=_mean(losses[name] - losses["network"])) for name in MODELS[1:]},
        y=rows.y.astype(np.int8),
    )


def _mean(values: Floats) -> Number:
    return number(mean_interval(values, np.arange(len(values))))


def corrected_interval(values: Floats, folds: int) -> Interval:
    """Mean of a value of each fold of repeated cross-validation ``(J,)``, and its interval of 95%.

    Training rows overlap, so that folds are no independent draws: the variance of their mean is taken as
    (1 / J + test rows / training rows) times theirs (Nadeau and Bengio 2003, "Inference for the generalization error").
    """
    from scipy.stats import t  # heavy, and needed here only

    n, mean = len(values), float(values.mean())
    spread = np.sqrt((1 / n + 1 / (folds - 1)) * values.var(ddof=1))
    half = float(t.ppf((1 + 0.95) / 2, n - 1) * spread)
    return Interval(mean, mean - half, mean + half)


def _fold_scores(y: Numbers, calls: Numbers, folds: Sequence[Sequence[Fold]]) -> Floats:
    """Macro-F1 of each fold alone, ``(repeats x folds,)``."""
    parts = [(own, held) for own, pairs in zip(calls, folds, strict=True) for _, held in pairs]
    return macro_f1(np.stack([confusion_counts(y[held], own[held]) for own, held in parts]))


def _scores(found: Compared, fresh: Compared, place: int, train: Floats) -> Scores:
    return Scores(
        macro_f1=found.score(macro_f1, place),
        accuracy=found.score(accuracy, place),
        train_macro_f1=Number(float(macro_f1(train))),
        fresh_macro_f1=fresh.score(macro_f1, place),
        recall=found.by_class(recalls, place),
        precision=found.by_class(precisions, place),
        f1=found.by_class(f1_scores, place),
        confusion=found.counts.counts[place * found.repeats :][: found.repeats],
        train_confusion=train,
    )


def reliability(happened: Any, chance: Floats, bins: int = BINS) -> tuple[float, Floats]:
    """Calibration in bins of equally many rows: the mean distance of chance and frequency, and both ``(bins, 2)``."""
    order = np.argsort(chance, kind="stable")
    ends = np.linspace(0, len(order), bins + 1).astype(int)
    parts = [order[start:end] for start, end in pairwise(ends)]
    means = np.array([[chance[part].mean(), np.mean(np.asarray(happened)[part])] for part in parts])
    sizes = np.diff(ends)
    return float((np.abs(means[:, 0] - means[:, 1]) * sizes).sum() / sizes.sum()), means


EXPERIMENTS = (on_machines(run_contest, seconds=600),)
