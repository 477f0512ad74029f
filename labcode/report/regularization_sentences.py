"""The sentences of the regularization chapter that results decide."""

from __future__ import annotations

from typing import Any

import numpy as np

from labcode.experiments.recipes import LIKE_EPOCHS
from labcode.metrics import Interval
from labcode.report.claims import told
from labcode.report.regularization import (
    CURVES,
    PRINTED_REGULARISED,
    Task,
    accuracy_change,
    added,
    limits,
    printed,
    spreads,
)
from labcode.report.text import between, count, decimals, joined, percent
from labcode.store import Result


@told
def like_sentence(result: Result) -> str:
    """By how much the two runs differ at like epochs on average, and as a share of the loss, in words."""
    early, late = (added(result, epoch) for epoch in LIKE_EPOCHS[1:])
    share = abs(late.value) / float(result.scalars[f"plain_test_mse_epoch_{LIKE_EPOCHS[2]}"])
    single = "" if np.isfinite([late.low, late.high]).all() else " A single seed does not say what the next would do."
    return (
        f"At epoch {LIKE_EPOCHS[1]} the regularised run is {by_how_much(early)}; at its last epoch it is "
        f"{by_how_much(late)}, which is {percent(share, 2)} of the loss.{single}"
    )


def by_how_much(difference: Interval) -> str:
    """A mean difference in USD² with its interval, in words: lower by so much, higher, or neither."""
    low, high = difference.low, difference.high
    if not np.isfinite([low, high]).all():
        return f"{decimals(abs(difference.value), 1)} USD² {'lower' if difference.value < 0 else 'higher'}"
    if low <= 0 <= high:
        return f"neither lower nor higher for certain ({decimals(difference.value, 1)} USD², {limits(low, high, 1)})"
    word, ends = ("lower", (-high, -low)) if high < 0 else ("higher", (low, high))
    return (
        f"{word} by {decimals(abs(difference.value), 1)} USD² on average (95% interval of the mean {limits(*ends, 1)})"
    )


@told
def inside_sentence(result: Result) -> str:
    """How many of the losses of the original's regularised run lie where one more seed should, in words."""
    if result.scalars["seeds"] < 2:
        return "A single seed gives no interval, so nothing can be said about the original's figures here."
    if result.meta["sources"] == {"prices": "simulated"}:
        return "On simulated rows, the original's figures need not come out again."
    cases = [(kind, epoch) for kind in ("train", "test") for epoch in PRINTED_REGULARISED]
    inside = sum(
        float(result.scalars[f"{kind}_mse_epoch_{epoch}_low"])
        <= printed(f"regularization.{kind}_{epoch}")
        <= float(result.scalars[f"{kind}_mse_epoch_{epoch}_high"])
        for kind, epoch in cases
    )
    return (
        f"The interval for one more of our seeds holds {count(inside)} of the {count(len(cases))} losses that the "
        "original's regularised run printed."
    )


@told
def stability_sentence(result: Result) -> str:
    """How much the last test loss differs between seeds, with regularization and without, in words."""
    seeds = len(result.arrays["curves"])
    if seeds < 2:
        return "A single seed cannot show it"
    own, plain, shown = spreads(result)
    verdict = "a difference" if shown else "no difference shown"
    return (
        f"The last test loss has a standard deviation of {count(own)} USD² over {count(seeds)} seeds, that of the "
        f"plain run at the same epoch {count(plain)}: {verdict}"
    )


@told
def accuracy_sentence(result: Result) -> str:
    """What the original's dropout and weight decay do to its accuracy, from the classification as submitted."""
    plain, own = (float(result.scalars[name]) for name in ("accuracy", "regularised_accuracy"))
    text = f"As submitted, accuracy goes from {percent(plain)} to {percent(own)}"
    change = accuracy_change(result)
    if not np.isfinite([change.low, change.high]).all():
        return f"{text}; a single seed shows nothing"
    return f"{text}, in pairs by {decimals(change.value, 1)} ({between(change, places=1)}) percentage points"


def budget_sentence(regression: Result, classification: Result) -> str:
    """The networks that are compared and how long they train, in words."""
    prices: Any = regression.meta["spec"]
    failures: Any = classification.meta["spec"]
    layers = [joined([count(units) for units in spec["hidden"]]) for spec in (prices, failures)]
    size = " or ".join(dict.fromkeys(layers))
    epochs, batches, rates = (
        [f"{spec[name]:,g}" for spec in (prices, failures)] for name in ("epochs", "batch_size", "lr")
    )
    return (
        f"That network has hidden layers of {size} units. In the regression it trains for {epochs[0]} epochs in "
        f"batches of {batches[0]} rows at a learning rate of {rates[0]}, in the classification for {epochs[1]} epochs "
        f"in batches of {batches[1]} at {rates[1]}."
    )


@told
def off_zero_sentence(task: Task, measure: str = "gain") -> str:
    """Which techniques have an interval above zero, and which below, in words."""
    frame = task.techniques.iloc[1:]
    parts = []
    for chosen in (frame[f"{measure}_low"] > 0, frame[f"{measure}_high"] < 0):
        names = list(frame.loc[chosen, "label"])
        listed = f" ({joined(names)})" if names else ""
        parts.append((count(len(names)) if names else "none", listed))
    (above, helps), (below, hurts) = parts
    verb = "lies" if above in ("1", "none") else "lie"
    return f"Of the {count(len(frame))} intervals, {above} {verb} above zero{helps}, and {below} below{hurts}."


@told
def chosen_sentence(task: Task) -> str:
    """What the validation dates would choose, and what it gains on the test dates, in words."""
    scalars, frame = task.result.scalars, task.techniques.set_index("name")
    label = frame.loc[scalars["chosen"], "label"]
    if scalars["chosen"] == "none":
        return "A choice by the dates for choosing takes none of them."
    low, high = (float(scalars[f"chosen_gain_{end}"]) for end in ("low", "high"))
    return (
        f"A choice by the dates for choosing takes {label}, and gains {decimals(float(scalars['chosen_gain']), 3)} on "
        f"the test dates ({limits(low, high, 3)})."
    )


@told
def at_most_sentence(task: Task) -> str:
    """How large a gain the intervals of all settings leave possible, in words."""
    frame = task.techniques.iloc[1:]
    most = percent(float(frame["gain_high"].max()))
    if (frame["gain_low"] > 0).any():
        return f"The gains say more: the intervals leave room for up to {most}."
    return (
        f"That no setting is shown to gain says more: the intervals leave room for {most} of the squared error at most."
    )


@told
def gap_sentence(task: Task) -> str:
    """How many settings narrow the gap between training and held-out rows, and what it costs, in words."""
    frame, none = task.techniques.iloc[1:], task.none
    narrow = frame[frame[task.gap] < none[task.gap]]
    both = narrow[(narrow[task.train] < none[task.train]) & (narrow[task.test] < none[task.test])]
    return (
        f"{count(len(narrow))} of the {count(len(frame))} settings narrow the gap, {count(len(both))} of them by "
        "lowering both scores."
    )


@told
def gainers_sentence(task: Task) -> str:
    """What the techniques with a gain above zero do to the gap, in words."""
    frame, none = task.techniques.iloc[1:], task.none
    found = [
        f"{row.label} gains {decimals(row.gain, 3)}, but takes the gap from {decimals(none[task.gap], 3)} to "
        f"{decimals(getattr(row, task.gap), 3)}"
        for row in frame[frame["gain_low"] > 0].itertuples()
        if getattr(row, task.gap) > none[task.gap]
    ]
    if not found:
        return ""
    text = joined(found)
    return (
        f"{text[0].upper()}{text[1:]}: a technique that fits better, not one that holds back. Among "
        f"{count(len(frame))} comparisons, chance alone puts about {decimals(0.025 * len(frame), 1)} intervals above "
        "zero, so this may be chance."
    )


@told
def worse_sentence(task: Task) -> str:
    """How many techniques lower the score of a network that under-fits, and whether the stronger settings do."""
    frame = task.techniques.iloc[1:]
    hurts = frame["gain_high"] < 0
    if not hurts.any() or hurts.sum() < (frame["gain_low"] > 0).sum():
        return ""
    weakest = ~frame["technique"].duplicated()
    several = frame["technique"].duplicated(keep=False)
    stronger = (hurts & several & ~weakest).sum() > (hurts & several & weakest).sum()
    which = ", mostly the stronger setting where there are several" if stronger else ""
    return f"{count(hurts.sum())} of the {count(len(frame))} settings make that worse{which}."


@told
def sizes_sentence(result: Result, task: str, measure: str) -> str:
    """At which numbers of training rows each technique is better or worse than none for certain, in words."""
    frame = result.frame(task)
    frame = frame[frame["name"] != "none"]
    parts = []
    for word, chosen in (("above", frame[f"{measure}_low"] > 0), ("below", frame[f"{measure}_high"] < 0)):
        groups = frame[chosen].groupby("technique", sort=False)["rows"]
        names = [f"{name} ({joined([count(size) for size in sorted(sizes)])} rows)" for name, sizes in groups]
        parts.append(f"{word} zero for {joined(names) if names else 'no technique'}")
    return f"{parts[0]}; {parts[1]}"


@told
def chance_sentence(result: Result) -> str:
    """How many intervals of the learning curves lie off zero by chance alone, in words."""
    measures = [("regression", "gain"), ("classification", "log_loss_gain"), ("classification", "gain")]
    n = sum(int((result.frame(task)["name"] != "none").sum()) for task, _ in measures)
    return f"Of these {count(n)} intervals, at least about {count(0.05 * n)} lie off zero by chance alone."


@told
def stopping_sentence(result: Result) -> str:
    """With which numbers of training rows early stopping has a single epoch, so that it cannot stop, in words."""
    from labcode.experiments.regularization_curves import CurvesSpec  # loads what trains

    known: Any = result.meta["spec"]
    spec = CurvesSpec(**known)
    (stopping,) = (each for each in spec.techniques(spec.price_decay) if "patience" in each.changes)
    sizes = sorted(result.frame("regression")["rows"].unique())
    single = [size for size in sizes if spec.settings(stopping, round(0.9 * size))["max_epochs"] == 1]
    if not single:
        return ""
    rows = joined([count(size) for size in single])
    return (
        f"On {rows} rows of the regression that is a single epoch, so that early stopping cannot stop, and only loses "
        "the rows that it watches."
    )


@told
def few_sentence(result: Result) -> str:
    """At the fewest rows: of how many techniques the interval lies above zero in each task, in words."""
    texts = []
    for task, _, _, label, gain in CURVES:
        frame = result.frame(task)
        own = frame[(frame["rows"] == frame["rows"].min()) & (frame["name"] != "none")]
        measure = "squared error" if task == "regression" else label
        texts.append(
            f"{count(float(own['rows'].iloc[0]))} rows of the {task}, {count((own[f'{gain}_low'] > 0).sum())} of "
            f"{count(len(own))} techniques have an interval above zero for the {measure}"
        )
    return f"On {texts[0]}; on {texts[1]}."


@told
def full_sentence(regression: Task, classification: Task) -> str:
    """How many techniques have an interval above zero, and how many below, on all rows, in words."""
    texts = []
    for name, task in (("regression", regression), ("classification", classification)):
        kinds, helps, hurts = (count(float(task.result.scalars[key])) for key in ("techniques", "above", "below"))
        verb = "lies" if helps == "1" else "lie"
        texts.append(f"{name}, of {kinds} intervals {helps} {verb} above zero and {hurts} below")
    return f"In the {texts[0]}; in the {texts[1]}."


def helps_on_few(result: Result) -> bool:
    """Whether at the fewest rows of each task some technique has an interval above zero."""
    frames = [(result.frame(task), gain) for task, *_, gain in CURVES]
    return all((frame.loc[frame["rows"] == frame["rows"].min(), f"{gain}_low"] > 0).any() for frame, gain in frames)
