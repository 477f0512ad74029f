"""The contest: the network and its rivals on the same folds, each with as many settings to choose from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from labcode.data.simulate_maintenance import simulate_maintenance
from labcode.lab.classification.classes import CLASSES, NORMAL
from labcode.lab.classification.rows import (
    Compared,
    FailureRows,
    Fold,
    Numbers,
    confusion_counts,
    failure_rows,
    folds_of,
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
    held = {name: _Held.of(found[1:], folds, len(rows)) for name, found in by_model.items()}
    return _judged(spec, rows, fresh, folds, held, {name: own[0] for name, own in by_model.items()})


@dataclass(frozen=True)
class _Held:
    """What a model says of each row when it is held out: chances ``(repeats, n, 6)``, calls ``(repeats, n)``."""

    chances: Floats
    plain: Numbers
    ruled: Numbers
    answers: Sequence[Answer]

    @classmethod
    def of(cls, answers: Sequence[Answer], folds: Sequence[Sequence[Fold]], n: int) -> _Held:
        whole: dict[str, Any] = {"chances": np.zeros((len(folds), n, len(CLASSES)))}
        whole |= {name: np.zeros((len(folds), n), dtype=np.int64) for name in ("plain", "ruled")}
        for (repeat, held), answer in zip(_held_rows(folds), answers, strict=True):
            for name, values in whole.items():
                values[repeat, held] = getattr(answer, name)[0]
        return cls(**whole, answers=answers)

    def calls(self, ruled: bool) -> Numbers:
        return self.ruled if ruled else self.plain

    def train_counts(self, ruled: bool) -> Floats:
        """Confusion counts of the training rows of all folds and repeats together."""
        return np.asarray(sum(own.train[ruled] for own in self.answers))


def _held_rows(folds: Sequence[Sequence[Fold]]) -> Iterator[tuple[int, Numbers]]:
    for repeat, pairs in enumerate(folds):
        for _, held in pairs:
            yield repeat, held


def _judged(
    spec: ContestSpec,
    rows: FailureRows,
    fresh: FailureRows,
    folds: Sequence[Sequence[Fold]],
    held: Mapping[str, _Held],
    on_fresh: Mapping[str, Answer],
) -> Contest:
    calls = {entry: held[name].calls(ruled) for entry, (name, ruled) in ENTRIES.items()}
    fresh_calls = [(on_fresh[name].ruled if ruled else on_fresh[name].plain)[0] for name, ruled in ENTRIES.values()]
    found, on_new = Compared.of(rows.y, list(calls.values()), spec.contest.repeats), Compared.of(fresh.y, fresh_calls)
    by_fold = {entry: _fold_scores(rows.y, own, folds) for entry, own in calls.items()}
    gains = {
        entry: Gain(
            macro_f1=found.gain(macro_f1, 0, place),
            folds=number(corrected_interval(by_fold["network"] - by_fold[entry], spec.contest.folds)),
            fresh=on_new.gain(macro_f1, 0, place),
        )
        for place, entry in enumerate(ENTRIES)
        if place
    }
    losses = {name: row_losses(rows.y, own.chances).mean(axis=0) for name, own in held.items()}
    fresh_losses = {name: row_losses(fresh.y, own.chances[0]) for name, own in on_fresh.items()}
    scores: dict[str, Any] = {
        entry: _scores(found, on_new, place, held[name].train_counts(ruled))
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
                calibration_error=Number(_calibration_error(rows.y, own.chances)),
            )
            for name, own in held.items()
        },
        gains=gains,
        loss_gains={
            name: LossGain(
                log_loss=_mean(losses[name] - losses["network"]),
                fresh=_mean(fresh_losses[name] - fresh_losses["network"]),
            )
            for name in MODELS[1:]
        },
        y=rows.y.astype(np.int8),
    )


def _mean(values: Floats) -> Number:
    return number(mean_interval(values, np.arange(len(values))))


def corrected_interval(values: Floats, folds: int) -> Interval:
    """Mean of a value of each fold of repeated cross-validation ``(J,)``, and its interval of 95%.

    Training rows overlap, so that folds are no independent draws: the variance of their mean is taken as
    (1 / J + test rows / training rows) times theirs (Nadeau and Bengio 2003, "Inference for the generalization error").
    Of the folds of a repeat, one is tested on, the others are trained on.
    """
    from scipy.stats import t  # heavy, and needed here only

    n, mean = len(values), float(values.mean())
    spread = np.sqrt((1 / n + 1 / (folds - 1)) * values.var(ddof=1))
    half = float(t.ppf((1 + 0.95) / 2, n - 1) * spread)
    return Interval(mean, mean - half, mean + half)


def _fold_scores(y: Numbers, calls: Numbers, folds: Sequence[Sequence[Fold]]) -> Floats:
    """Macro-F1 of each fold alone, ``(repeats x folds,)``."""
    return macro_f1(np.stack([confusion_counts(y[held], calls[repeat, held]) for repeat, held in _held_rows(folds)]))


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


def _calibration_error(y: Numbers, chances: Floats) -> float:
    """Mean over repeats of the calibration error of the chance of any failure."""
    return float(np.mean([reliability(y != NORMAL, 1 - own[:, NORMAL])[0] for own in chances]))


def reliability(happened: Any, chance: Floats, bins: int = BINS) -> tuple[float, Floats]:
    """Calibration in bins of equally many rows: the mean distance of chance and frequency, and both ``(bins, 2)``."""
    order = np.argsort(chance, kind="stable")
    ends = np.linspace(0, len(order), bins + 1).astype(int)
    parts = [order[start:end] for start, end in pairwise(ends)]
    means = np.array([[chance[part].mean(), np.mean(np.asarray(happened)[part])] for part in parts])
    sizes = np.diff(ends)
    return float((np.abs(means[:, 0] - means[:, 1]) * sizes).sum() / sizes.sum()), means


EXPERIMENTS = (on_machines(run_contest, seconds=600),)
