"""The sentences of the regularization chapter that results decide."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labcode.report.claims import told
from labcode.report.regularization import CURVES, PRINTED_REGULARISED, Task, added, limits, printed
from labcode.report.text import count, decimals
from labcode.store import Result


@told
def like_sentence(result: Result) -> str:
    """Whether the two runs differ at like epochs, in words."""
    names = [f"added_mse_epoch_{epoch}" for epoch in (10, 19)]
    text = (
        f"At epoch 10 the regularised run differs by {added(result, names[0])}, at its last epoch by "
        f"{added(result, names[1])}"
    )
    ends = [(float(result.scalars[f"{name}_low"]), float(result.scalars[f"{name}_high"])) for name in names]
    if not np.isfinite(ends).all():
        return f"{text}: a single seed does not say what the next one would do."
    if all(low <= 0 <= high for low, high in ends):
        return f"{text}; both intervals hold zero."
    return f"{text}."


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


def half_width(result: Result, name: str) -> float:
    """Half the width of the interval in which one more seed should fall; not finite for a single seed."""
    return (float(result.scalars[f"{name}_high"]) - float(result.scalars[f"{name}_low"])) / 2


@told
def stability_sentence(result: Result) -> str:
    """How much the last test loss differs between seeds, with regularization and without, in words."""
    own, plain = (half_width(result, f"{name}_epoch_19") for name in ("test_mse", "plain_test_mse"))
    if not np.isfinite([own, plain]).all():
        return "A single seed cannot show it"
    return (
        f"The test loss at the last epoch varies by ±{count(own)} USD² from seed to seed, that of the plain run at the "
        f"same epoch by ±{count(plain)}"
    )


def joined(parts: Sequence[str]) -> str:
    """Parts of a sentence with commas and an "and".

    >>> joined(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


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
    return f"Above zero {verb} {above} of the {count(len(frame))} intervals{helps}, below zero {below}{hurts}."


@told
def chosen_sentence(task: Task) -> str:
    """What the validation dates would choose, and what it gains on the test dates, in words."""
    scalars, frame = task.result.scalars, task.techniques.set_index("name")
    label = frame.loc[scalars["chosen"], "label"]
    if scalars["chosen"] == "none":
        return "Who chooses by the validation dates takes none of them."
    low, high = (float(scalars[f"chosen_gain_{end}"]) for end in ("low", "high"))
    return (
        f"Who chooses by the validation dates takes {label}, and gains {decimals(float(scalars['chosen_gain']), 3)} on "
        f"the test dates ({limits(low, high, 3)})."
    )


@told
def gap_sentence(task: Task) -> str:
    """How many techniques narrow the gap between training and held-out rows, and what it costs, in words."""
    frame, none = task.techniques.iloc[1:], task.none
    narrow = frame[frame[task.gap] < none[task.gap]]
    both = narrow[(narrow[task.train] < none[task.train]) & (narrow[task.test] < none[task.test])]
    return (
        f"{count(len(narrow))} of the {count(len(frame))} techniques narrow the gap, {count(len(both))} of them by "
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
    return f"{text[0].upper()}{text[1:]}: a technique that fits better, not one that holds back."


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
def few_sentence(result: Result) -> str:
    """At the fewest rows: how many techniques are shown to help each task, in words."""
    texts = []
    for task, _, _, label, gain in CURVES:
        frame = result.frame(task)
        own = frame[(frame["rows"] == frame["rows"].min()) & (frame["name"] != "none")]
        measure = "squared error" if task == "regression" else label
        texts.append(
            f"{count(float(own['rows'].iloc[0]))} rows of the {task}, {count((own[f'{gain}_low'] > 0).sum())} of "
            f"{count(len(own))} techniques are shown to lower the {measure}"
        )
    return f"On {texts[0]}; on {texts[1]}."


@told
def full_sentence(regression: Task, classification: Task) -> str:
    """How many techniques are shown to help, and to hurt, on all rows, in words."""
    texts = []
    for name, task in (("regression", regression), ("classification", classification)):
        kinds, helps, hurts = (count(float(task.result.scalars[key])) for key in ("techniques", "above", "below"))
        texts.append(f"{name}, of {kinds} techniques, {helps} shown to help and {hurts} shown to hurt")
    return f"In the {texts[0]}; in the {texts[1]}."


def helps_on_few(result: Result) -> bool:
    """Whether at the fewest rows of each task some technique is shown to help."""
    frames = [(result.frame(task), gain) for task, *_, gain in CURVES]
    return all((frame.loc[frame["rows"] == frame["rows"].min(), f"{gain}_low"] > 0).any() for frame, gain in frames)
