"""The sentences of the tuning chapter that results decide."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np

from labcode.book.reference import stated
from labcode.report.claims import told
from labcode.report.text import count, decimals, joined
from labcode.report.tuning import NAMES, Search, levels_in_words, rate_curves
from labcode.store import Result


@told
def reproduced_sentence(result: Result) -> str:
    """Whether the original's best score lies where one more seed should fall, in words."""
    low, high = (float(result.scalars[f"best_score_{end}"]) for end in ("low", "high"))
    score, limits = stated("tuning.score").value, f"{decimals(low, 0)} to {decimals(high, 0)}"
    assert score is not None
    if not np.isfinite(low):
        return "One seed is too few to say where the next one would fall."
    where = "lies inside" if low <= score <= high else "lies outside"
    return f"The original's {decimals(score, 0)} {where} the interval in which one more seed should fall, {limits}."


@told
def agreement_sentence(both: Sequence[Search], best: int = 8) -> str:
    """On which hyperparameters the best candidates of each search agree, in words."""
    texts = []
    for search in both:
        table = search.candidates
        top = table.loc[np.argsort(-table["score"].to_numpy(), kind="stable")[:best]]
        names = [name for name in NAMES if name in table and table[name].nunique() > 1]
        same = [name for name in names if top[name].nunique() == 1]
        listed = []
        for name in same:
            chance = chance_of_agreement(len(table), int((table[name] == top[name].iloc[0]).sum()), best)
            listed.append(f"{NAMES[name]} {levels_in_words(top[name])} (chance {decimals(chance)})")
        texts.append(f"the {count(best)} best of the {search.title.lower()} share {joined(listed) or 'no setting'}")
    return (
        f"Here, {'; '.join(texts)}. The chance is that of as many random candidates agreeing on that level, had it "
        "been named beforehand; it was not, so the true one is larger."
    )


@told
def rate_sentence(search: Search) -> str:
    """Where Adam's rate does best in a search, in words."""
    curves = rate_curves(search)
    adam = curves[curves["optimizer"] == "adam"]
    best = adam.loc[(search.sign * adam["mean"]).idxmax()]
    ends = {adam["lr"].min(): "the lowest rate tried", adam["lr"].max(): "the highest rate tried"}
    where = ends.get(best["lr"], f"a rate of {best['lr']:g}")
    beyond = ": the best may lie beyond the grid" if best["lr"] in ends else ""
    return (
        f"In the classification, Adam does best at {where}, {decimals(best['mean'], 3)} above the default's "
        f"macro-F1{beyond}."
    )


@told
def cost_sentence(both: Sequence[Search]) -> str:
    """Where the default and the winner lie in cost, in words."""
    texts = []
    for search in both:
        table = search.candidates
        ratio = table.loc[search.best, "cost"] / table.loc[search.default, "cost"]
        many = int((table["score"] < table.loc[search.default, "score"]).sum())
        texts.append(
            f"in the {search.title.lower()}, {count(many)} of {count(len(table))} candidates do worse than the "
            f"default, and the winner costs {_times(ratio)}"
        )
    return f"{texts[0][0].upper()}{texts[0][1:]}; {texts[1]}."


def _times(ratio: float) -> str:
    return "the same" if abs(ratio - 1) < 0.05 else f"{decimals(ratio, 1)} times as much"


@told
def tied_sentence(both: Sequence[Search]) -> str:
    """How many of the runners-up have an interval that holds zero, in words."""
    texts = []
    for search in both:
        tied, runners = (int(search.result.scalars[name]) for name in ("tied", "paired"))
        many = f"all {count(tied)}" if tied == runners - 1 else f"{count(tied)} of {count(runners - 1)}"
        texts.append(f"in the {search.title.lower()} for {many} runners-up")
    return f"The interval holds zero {'; '.join(texts)}."


@told
def scattered_sentence(result: Result) -> str:
    """Where the scores of all candidates and seeds with the fault lie beside the echo, in words."""
    frame = result.frame("candidates")
    scores = frame.loc[frame["loss"] == "broadcast", "score"]
    above = int((scores > result.scalars["echo_score"]).sum())
    low, high = decimals(scores.min(), 0), decimals(scores.max(), 0)
    these = f"the {count(len(scores))} scores, one for each candidate and seed,"
    if above <= len(scores) / 2:
        return f"{these[0].upper()}{these[1:]} run from {low} to {high}."
    better = f"Of {these} {count(above)}" if above < len(scores) else f"All {these.removeprefix('the ')}"
    return (
        f"{better} are better than this ({low} to {high} in all), so the echo explains most of the small gain over the "
        "mean, but not all of it."
    )


@told
def choice_sentence(result: Result) -> str:
    """Which candidate each seed chooses, with the fault and without, in words."""
    frame = result.frame("candidates")
    texts = []
    for loss, text in (("broadcast", "With the fault"), ("aligned", "With aligned shapes")):
        own = frame[frame["loss"] == loss]
        best = own.loc[own.groupby("seed")["score"].idxmax()]
        choices = best.groupby(["lr", "hidden1"]).size()
        if len(choices) == 1:
            ((lr, hidden1),) = choices.index
            texts.append(f"{text}, all our seeds ({count(len(best))}) choose rate {lr:g} with {hidden1} units.")
            continue
        listed = [f"rate {lr:g} with {hidden1} units ({count(n)})" for (lr, hidden1), n in choices.items()]
        texts.append(f"{text}, our seeds ({count(len(best))}) choose {joined(listed)}.")
    return " ".join(texts)


@told
def smote_sentence(search: Search) -> str:
    """SMOTE beside no sampler at the same rates and architecture and nearly the same cost, in words."""
    table = search.candidates
    usual = table.loc[search.default]
    alike = table[(table["optimizer"] == "adam") & (table["dropout"] == 0) & (table["hidden"] == usual["hidden"])]
    alike = alike[(alike["batch_size"] == usual["batch_size"]) & (alike["weight_decay"] == 0)]
    with_smote = alike[alike["sample"] != "none"].set_index("lr")["score"]
    without = alike[(alike["sample"] == "none") & (alike["max_epochs"] == usual["max_epochs"])].set_index("lr")["score"]
    pairs = [f"{decimals(with_smote[lr], 3)} against {decimals(without[lr], 3)}" for lr in with_smote.index]
    lower = int((with_smote < without[with_smote.index]).sum())
    return (
        f"SMOTE inside the folds, at nearly the same cost, scores lower at {count(lower)} of {count(len(pairs))} "
        f"learning rates ({', '.join(pairs)})."
    )


def chance_of_agreement(n: int, level: int, best: int) -> float:
    """Chance that all of ``best`` candidates drawn at random are among the ``level`` of ``n`` that have a level.

    >>> round(chance_of_agreement(10, 5, 2), 3)
    0.222
    """
    return comb(level, best) / comb(n, best)
