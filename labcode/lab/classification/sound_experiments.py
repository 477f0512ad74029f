"""The contest: the network and its rivals on the same folds, each with as many settings to choose from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from labcode.data.simulate_maintenance import simulate_maintenance
from labcode.data.types import Dataset
from labcode.lab.classification.classes import CLASSES, NORMAL
from labcode.lab.classification.needs import enough_of_each
from labcode.lab.classification.network import (
    Floats,
)
from labcode.lab.classification.rows import (
    FailureRows,
    Fold,
    Numbers,
    by_class,
    confusion_counts,
    confusions_of,
    failure_rows,
    folds_of,
    mean_gain,
    mean_score,
    number,
    row_losses,
)
from labcode.lab.classification.sound import Answer, ContestSpec, compete
from labcode.lab.classification.sound_results import Chances, Contest, Gain, LossGain, Scores
from labcode.lab.config import experiment
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.results.store import Result
from labcode.scoring.intervals import Confusions, Interval, mean_interval
from labcode.scoring.scores import accuracy, f1_scores, macro_f1, precisions, recalls
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


def run_contest(
    spec: ContestSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Contest:
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

    fitted: Floats
    chances: Floats
    plain: Numbers
    ruled: Numbers
    answers: Sequence[Answer]

    @classmethod
    def of(cls, answers: Sequence[Answer], folds: Sequence[Sequence[Fold]], n: int) -> _Held:
        whole: dict[str, Any] = {name: np.zeros((len(folds), n, len(CLASSES))) for name in ("fitted", "chances")}
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
    fresh_calls = {
        entry: (on_fresh[name].ruled if ruled else on_fresh[name].plain)[0] for entry, (name, ruled) in ENTRIES.items()
    }
    counts = confusions_of(rows.y, list(calls.values()))
    fresh_counts = confusions_of(fresh.y, list(fresh_calls.values()))
    by_fold = {entry: _fold_scores(rows.y, own, folds) for entry, own in calls.items()}
    scores: dict[str, Any] = {
        entry: _scores(counts, fresh_counts, place, held[name].train_counts(ruled), spec.contest.repeats)
        for place, (entry, (name, ruled)) in enumerate(ENTRIES.items())
    }
    gains = {
        entry: Gain(
            macro_f1=number(counts.interval(mean_gain(macro_f1, 0, place, spec.contest.repeats))),
            folds=number(corrected_interval(by_fold["network"] - by_fold[entry], spec.contest.folds)),
            fresh=number(fresh_counts.interval(mean_gain(macro_f1, 0, place, 1))),
        )
        for place, entry in enumerate(ENTRIES)
        if place
    }
    losses = {name: row_losses(rows.y, own.chances).mean(axis=0) for name, own in held.items()}
    fresh_losses = {name: row_losses(fresh.y, own.chances[0]) for name, own in on_fresh.items()}
    return Contest(
        repeats=spec.contest.repeats,
        folds=spec.contest.folds,
        seeds=spec.contest.seeds,
        **scores,
        chances={
            name: _chances(spec, rows.y, own, losses[name], fresh_losses[name], len(getattr(spec.contest, name)))
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


def corrected_interval(values: Floats, folds: int, level: float = 0.95) -> Interval:
    """Mean of a value of each fold of repeated cross-validation, and its interval.

    Training rows overlap, so that folds are no independent draws: the variance of their mean is taken as
    (1 / J + test rows / training rows) times theirs (Nadeau and Bengio 2003, "Inference for the generalization error").

    Parameters
    ----------
    values
        One a fold and repeat, shape ``(J,)``.
    folds
        Folds of a repeat: one is tested on, the others are trained on.
    level
        Coverage.
    """
    from scipy.stats import t  # heavy, and needed here only

    n, mean = len(values), float(values.mean())
    spread = np.sqrt((1 / n + 1 / (folds - 1)) * values.var(ddof=1))
    half = float(t.ppf((1 + level) / 2, n - 1) * spread)
    return Interval(mean, mean - half, mean + half)


def _fold_scores(y: Numbers, calls: Numbers, folds: Sequence[Sequence[Fold]]) -> Floats:
    """Macro-F1 of each fold alone, ``(repeats x folds,)``."""
    return macro_f1(np.stack([confusion_counts(y[held], calls[repeat, held]) for repeat, held in _held_rows(folds)]))


def _scores(counts: Confusions, fresh: Confusions, place: int, train: Floats, repeats: int) -> Scores:

    def of_classes(score: Any) -> dict[str, Number]:
        return by_class(map(number, counts.intervals(mean_score(score, place, repeats))))

    return Scores(
        macro_f1=number(counts.interval(mean_score(macro_f1, place, repeats))),
        accuracy=number(counts.interval(mean_score(accuracy, place, repeats))),
        train_macro_f1=Number(float(macro_f1(train))),
        fresh_macro_f1=number(fresh.interval(mean_score(macro_f1, place, 1))),
        recall=of_classes(recalls),
        precision=of_classes(precisions),
        f1=of_classes(f1_scores),
        confusion=counts.counts[place * repeats :][:repeats],
        train_confusion=train,
    )


def _chances(
    spec: ContestSpec, y: Numbers, held: _Held, losses: Floats, fresh_losses: Floats, n_choices: int
) -> Chances:
    failed = y != NORMAL
    before, after = (
        [reliability(failed, 1 - own[:, NORMAL]) for own in given] for given in (held.fitted, held.chances)
    )
    return Chances(
        log_loss=_mean(losses),
        fresh_log_loss=_mean(fresh_losses),
        calibration_error_before=Number(float(np.mean([error for error, _ in before]))),
        calibration_error=Number(float(np.mean([error for error, _ in after]))),
        chosen=np.bincount([answer.choice for answer in held.answers], minlength=n_choices),
        reliability=np.mean([bins for _, bins in after], axis=0),
    )


def reliability(happened: Any, chance: Floats, bins: int = BINS) -> tuple[float, Floats]:
    """Calibration in bins of equally many rows: the mean distance of chance and frequency, and both ``(bins, 2)``."""
    order = np.argsort(chance, kind="stable")
    ends = np.linspace(0, len(order), bins + 1).astype(int)
    parts = [order[start:end] for start, end in pairwise(ends)]
    means = np.array([[chance[part].mean(), np.mean(np.asarray(happened)[part])] for part in parts])
    sizes = np.diff(ends)
    return float((np.abs(means[:, 0] - means[:, 1]) * sizes).sum() / sizes.sum()), means


EXPERIMENTS = (
    experiment(
        run_contest,
        {"contest": "classification.contest", "network": "classification.network"},
        datasets=("maintenance",),
        lacks=enough_of_each,
        seconds=600,
    ),
)
