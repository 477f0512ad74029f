"""The contest: the network and its rivals on the same folds, each with as many settings to choose from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from labcode.data.simulate_maintenance import simulate_maintenance
from labcode.data.types import Dataset
from labcode.lab.classification import sound_settings as settings
from labcode.lab.classification.ceiling import best_weights, decide
from labcode.lab.classification.classes import CLASSES, NORMAL
from labcode.lab.classification.needs import enough_of_each
from labcode.lab.classification.network import (
    Floats,
    Labels,
    failure_networks,
    quantities,
    seen_by_network,
    tempered,
    with_hazard,
)
from labcode.lab.classification.rows import (
    FailureRows,
    Fold,
    FoldsSpec,
    Numbers,
    confusion_counts,
    confusions_of,
    failure_rows,
    five_classes,
    in_all_classes,
    mean_gain,
    mean_score,
    without_weights,
)
from labcode.lab.classification.sound_results import Chances, Contest, Gain, LossGain, Scores
from labcode.lab.classification.sound_rivals import rival_chances
from labcode.lab.config import configured
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Experiment, Progress
from labcode.results.number import Number
from labcode.results.store import Result
from labcode.scoring.intervals import Confusions, Interval, mean_interval
from labcode.scoring.scores import accuracy, f1_scores, log_loss, macro_f1, precisions, recalls
from labcode.settings import SEED, Profile

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


@dataclass(frozen=True, kw_only=True)
class ContestSpec:
    """The contest, and the network in it."""

    contest: settings.Contest
    network: settings.Network


@dataclass(frozen=True)
class Answer:
    """What a model says of several sets of rows, after it chose among its settings on inner folds of the training rows.

    Attributes
    ----------
    fitted, chances
        Chances ``(n, 6)`` of each set, as fitted and after temperature and hazard.
    plain, ruled
        The most probable class, and the decision for macro-F1, ``(n,)`` each.
    train_plain, train_ruled
        Confusion counts ``(6, 6)`` of the same on the training rows.
    choice, temperature, share
        What was chosen: the place of the setting, the temperature, and the share of the hazard.
    """

    fitted: list[Floats]
    chances: list[Floats]
    plain: list[Numbers]
    ruled: list[Numbers]
    train_plain: Floats
    train_ruled: Floats
    choice: int
    temperature: float
    share: float


def compete(name: str, spec: ContestSpec, train: FailureRows, others: Sequence[pd.DataFrame]) -> Answer:
    """Choose a model's setting, calibration and rule on inner folds; fit it on all rows; answer."""
    choices = getattr(spec.contest, name)
    inner, hazard = inner_chances(spec, choices, train)
    fits = [best_calibration(spec.contest, own, hazard, train.y) for own in inner]
    choice = int(np.argmin([loss for loss, *_ in fits]))
    _, temperature, share = fits[choice]
    rule = best_weights(with_hazard(tempered(inner[choice], temperature), hazard, share))
    worn, (fitted,) = fitted_chances(spec, [choices[choice]], train, [*others, train.X])
    warm = [tempered(own, temperature) for own in fitted]
    chances = [with_hazard(own, chance, share) for own, chance in zip(warm, worn, strict=True)]
    plain, ruled = [own.argmax(axis=1) for own in chances], [decide(own, rule) for own in chances]
    by_class, by_rule = (confusion_counts(train.y, calls.pop()) for calls in (plain, ruled))
    return Answer(fitted[:-1], chances[:-1], plain, ruled, by_class, by_rule, choice, temperature, share)


def inner_chances(spec: ContestSpec, choices: Sequence[Any], train: FailureRows) -> tuple[Floats, Floats]:
    """Chances ``(n_choices, n, 6)`` and hazard ``(n,)`` of the training rows, each row held out by an inner fold."""
    folds = StratifiedKFold(spec.contest.inner_folds, shuffle=True, random_state=SEED)
    chances, hazard = np.zeros((len(choices), len(train), len(CLASSES))), np.zeros(len(train))
    for fit, held in folds.split(train.X, train.labels):
        rows = FailureRows(train.X.iloc[fit], train.labels[fit], train.y[fit])
        (hazard[held],), given = fitted_chances(spec, choices, rows, [train.X.iloc[held]], inner=True)
        chances[:, held] = [own for (own,) in given]
    return chances, hazard


def best_calibration(spec: settings.Contest, chances: Floats, hazard: Floats, y: Numbers) -> tuple[float, float, float]:
    """The lowest log loss of chances ``(n, 6)``, and the temperature and the share of the hazard that reach it."""
    pairs = product(spec.temperatures, spec.hazard_shares)
    return min((log_loss(y, with_hazard(tempered(chances, t), hazard, share)), t, share) for t, share in pairs)


def fitted_chances(
    spec: ContestSpec,
    choices: Sequence[Any],
    train: FailureRows,
    others: Sequence[pd.DataFrame],
    *,
    inner: bool = False,
) -> tuple[list[Floats], list[list[Floats]]]:
    """The hazard ``(n,)`` for each other set of rows, and for each choice the model's chances ``(n, 6)`` of each.

    Inner folds judge a choice by fewer networks, or by a smaller forest, than answer in the end.
    """
    seen, (_, *worn) = seen_by_network(spec.network, train.X, train.labels, others)
    if isinstance(choices[0], settings.NetworkChoice):
        seeds = spec.contest.inner_seeds if inner else spec.contest.seeds
        return worn, _network_chances(spec.network, choices, train.labels, seen, seeds)
    known, rows = quantities(train.X), [quantities(other) for other in others]
    trees = spec.contest.inner_trees if inner else spec.contest.trees
    contest = replace(spec.contest, trees=trees)
    given = [rival_chances(contest, choice, known, train.labels, rows) for choice in choices]
    return worn, [[_undone(own, names, weights) for own in found] for found, names, weights in given]


def _network_chances(
    spec: settings.Network, choices: Sequence[settings.NetworkChoice], labels: Labels, seen: Sequence[Any], seeds: int
) -> list[list[Floats]]:
    """Mean chances of networks with other seeds, for each choice; all train together."""
    from labcode.nets.together import TrainingRows, fit_together

    networks = [failure_networks(spec, choice, labels, range(SEED, SEED + seeds)) for choice in choices]
    rows = TrainingRows(seen[0], labels)
    fits = fit_together([each for own in networks for each in own], [rows] * (len(choices) * seeds))
    fitted = iter(fits)
    found = []
    for _ in choices:
        members = [_trained(next(fitted)) for _ in range(seeds)]
        mean = [np.mean([member.predict_proba(own) for member in members], axis=0) for own in seen[1:]]
        found.append([_undone(own, members[0].classes_, members[0].class_weight_) for own in mean])
    return found


def _trained(fit: Any) -> Any:
    if fit.error is not None:
        raise fit.error
    return fit.estimator


def _undone(given: Floats, names: Labels, weights: Floats) -> Floats:
    return in_all_classes(without_weights(np.asarray(given, dtype=np.float64), weights), names)


def run_contest(
    spec: ContestSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Contest:
    """Let all models compete on every outer fold, and on fresh rows after training on all."""
    rows = failure_rows(data["maintenance"].frame)
    fresh = failure_rows(simulate_maintenance(spec.contest.fresh_rows, seed=FRESH_SEED))
    folds = FoldsSpec(folds=spec.contest.folds, repeats=spec.contest.repeats).of(rows)
    pairs = [pair for repeat in folds for pair in repeat]
    jobs = [(FailureRows(rows.X.iloc[fit], rows.labels[fit], rows.y[fit]), [rows.X.iloc[held]]) for fit, held in pairs]
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
        return np.asarray(sum(own.train_ruled if ruled else own.train_plain for own in self.answers))


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
        entry: _scores(counts, fresh_counts, place, by_fold[entry], held[name].train_counts(ruled), spec.contest)
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
    losses = {name: _row_losses(rows.y, own.chances) for name, own in held.items()}
    fresh_losses = {name: _row_losses(fresh.y, own.chances[0][None]) for name, own in on_fresh.items()}
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
        network_given=held["network"].chances[0].astype(np.float32),
    )


def number(found: Interval) -> Number:
    """A measured interval as a figure of a result."""
    return Number(float(found.value), float(found.low), float(found.high))


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


def _scores(
    counts: Confusions, fresh: Confusions, place: int, by_fold: Floats, train: Floats, spec: settings.Contest
) -> Scores:
    repeats = spec.repeats
    own = counts.counts[place * repeats :][:repeats]
    each = macro_f1(own)

    def of_classes(score: Any) -> dict[str, Number]:
        found = counts.intervals(mean_score(score, place, repeats))
        return {slug: number(interval) for slug, interval in zip(CLASSES.values(), found, strict=True)}

    folds = corrected_interval(by_fold, spec.folds)
    return Scores(
        macro_f1=number(counts.interval(mean_score(macro_f1, place, repeats))),
        accuracy=number(counts.interval(mean_score(accuracy, place, repeats))),
        train_macro_f1=Number(float(macro_f1(train))),
        macro_f1_without_random=number(counts.interval(mean_score(five_classes, place, repeats))),
        macro_f1_folds=Number(folds.value, max(0.0, folds.low), min(1.0, folds.high)),
        lowest_repeat=Number(float(each.min())),
        highest_repeat=Number(float(each.max())),
        fresh_macro_f1=number(fresh.interval(mean_score(macro_f1, place, 1))),
        recall=of_classes(recalls),
        precision=of_classes(precisions),
        f1=of_classes(f1_scores),
        confusion=own,
        train_confusion=train,
        fresh_confusion=fresh.counts[place],
    )


def _row_losses(y: Numbers, chances: Floats) -> Floats:
    """Minus the logarithm of the actual class's chance, mean over the repeats; ``(r, n, 6)`` to ``(n,)``."""
    return np.asarray(-np.log(np.clip(chances[:, np.arange(len(y)), y], 1e-15, 1.0)).mean(axis=0))


def _chances(
    spec: ContestSpec, y: Numbers, held: _Held, losses: Floats, fresh_losses: Floats, n_choices: int
) -> Chances:
    failed = y != NORMAL
    before, after = (
        [reliability(failed, 1 - own[:, NORMAL]) for own in given] for given in (held.fitted, held.chances)
    )
    return Chances(
        log_loss_before=_mean(_row_losses(y, held.fitted)),
        log_loss=_mean(losses),
        fresh_log_loss=_mean(fresh_losses),
        calibration_error_before=Number(float(np.mean([error for error, _ in before]))),
        calibration_error=Number(float(np.mean([error for error, _ in after]))),
        temperature=Number(float(np.mean([answer.temperature for answer in held.answers]))),
        hazard_share=Number(float(np.mean([answer.share for answer in held.answers]))),
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


def _spec(profile: Profile) -> ContestSpec:
    return ContestSpec(
        contest=configured(settings.Contest, "classification.contest", profile=profile),
        network=configured(settings.Network, "classification.network", profile=profile),
    )


EXPERIMENTS = (
    Experiment(
        name="classification/contest",
        run=run_contest,
        spec=_spec("full"),
        quick=_spec("quick"),
        datasets=("maintenance",),
        lacks=enough_of_each,
        seconds=600,
    ),
)
