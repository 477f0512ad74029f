"""The sentences of the classification chapter that results decide."""

from __future__ import annotations

import numpy as np

from labcode.experiments.recipes import MIN_GAIN
from labcode.lab.classification.classes import CLASSES, NETWORK, NORMAL, RANDOM
from labcode.report.claims import told
from labcode.report.classification import limits
from labcode.report.classification_tables import clopper_pearson
from labcode.report.text import count, decimals, percent
from labcode.store import Result

HEAT, OVERSTRAIN, POWER = (list(CLASSES.values()).index(slug) for slug in ("heat_dissipation", "overstrain", "power"))
#: Rivals inside a sentence.
RIVALS = {
    "forest_smote": "the forest with SMOTE",
    "forest": "the random forest",
    "forest_weighted": "the weighted forest",
    "forest_raw": "the forest on raw sensors",
    "boosting": "gradient boosting",
    "boosting_raw": "boosting on raw sensors",
    "logistic": "logistic regression",
    "logistic_raw": "logistic regression on raw sensors",
    "majority": "always “No Failure”",
}
#: Probability below which the network is asked whether it is too sure.
SMALL = 0.002


@told
def random_sentence(result: Result) -> str:
    """How many random failures the network finds, and what recall that leaves possible, in words."""
    cells = result.arrays["confusion"].mean(axis=0)[RANDOM]
    found = clopper_pearson(float(cells[RANDOM]), float(cells.sum()))
    n = count(cells.sum())
    were = f"None of the {n} was found" if not cells[RANDOM] else f"{decimals(cells[RANDOM], 1)} of the {n} were found"
    return (
        f"{were}. Resampling cannot show how sure that is. By the binomial distribution, the recall could still be up "
        f"to {percent(found.high, 0)}."
    )


@told
def test_rows_sentence(sound: Result, rivals: Result) -> str:
    """Which rivals are ahead of the network on the test rows, in words."""
    own = float(sound.scalars["test_macro_f1"])
    scores = {name: float(rivals.scalars[f"{name}_test_macro_f1"]) for name in RIVALS}
    ahead = sorted((name for name in scores if scores[name] > own), key=lambda name: -scores[name])
    if not ahead:
        return "There, too, no rival is ahead of it."
    texts = []
    for name in ahead[:2]:
        gain = f"test_gain_over_{name}"
        where = "off zero" if float(sound.scalars[f"{gain}_high"]) < 0 else "holding zero"
        texts.append(f"to {RIVALS[name]} ({decimals(scores[name], 3)}) {limits(sound.scalars, gain)}, {where}")
    return f"There it is behind: the difference is {'; '.join(texts)}. The order depends on the rows."


@told
def fresh_sentence(result: Result, rival: str) -> str:
    """The network's macro-F1 on fresh rows, and how it compares with a rival's, in words."""
    scalars = result.scalars
    return (
        f"There the network has {limits(scalars, 'fresh_macro_f1')}; the difference to {RIVALS[rival]} is "
        f"{limits(scalars, f'fresh_gain_over_{rival}')}."
    )


def network_sentence() -> str:
    """The network and its training, in words."""
    layers = " and ".join(count(units) for units in NETWORK["hidden"])
    return (
        f"It has hidden layers of {layers} units and trains for {count(NETWORK['max_epochs'])} epochs in batches of "
        f"{count(NETWORK['batch_size'])} rows by AdamW (weight decay {NETWORK['weight_decay']:g}), with an L1 term of "
        f"{NETWORK['l1']:.4f} and a one-cycle learning rate up to {NETWORK['lr']:g}."
    )


def least_gain() -> str:
    """What the likelihood-ratio statistic of a question's edge has to be at least."""
    return count(MIN_GAIN)


@told
def parting_sentence(result: Result) -> str:
    """From which epoch on the test loss lies above the training loss, where it is lowest and how it ends, in words."""
    train, test = result.arrays["curves"][:, 0], result.arrays["curves"][:, 1]
    apart = np.flatnonzero(test > 1.2 * train)
    ends = (
        f"the test loss is lowest at epoch {count(test.argmin() + 1)} ({decimals(test.min())}) and ends at "
        f"{decimals(test[-1])}, {decimals(test[-1] / train[-1], 1)} times the training loss ({decimals(train[-1])})"
    )
    start = f"part from epoch {count(apart[0] + 1)} on" if len(apart) else "do not part"
    return f"{start}: {ends}."


@told
def threshold_sentence(result: Result) -> str:
    """Whether the forest costs more than the network where both get the same threshold, in words."""
    frame = result.frame("decisions")
    own = frame[frame["policy"] == "forest"]
    dearer, cheaper = int((own["saved_low"] > 0).sum()), int((own["saved_high"] < 0).sum())
    n = count(len(own))
    if dearer or cheaper:
        return (
            f"With the same threshold the forest is dearer than the network at {count(dearer)} of the {n} ratios, and "
            f"cheaper at {count(cheaper)}; elsewhere the interval of the difference holds zero."
        )
    return (
        "With the same threshold, neither forest nor network is shown to be cheaper: the interval of the difference "
        f"holds zero at each of the {n} ratios."
    )


@told
def always_sentence(result: Result) -> str:
    """From which cost ratio on always stopping is cheaper than the network, in words."""
    cheaper = result.arrays["cost_always"] < result.arrays["cost_expected_cost"]
    if not cheaper[-1]:
        return "Always stopping is dearer even at the largest ratio."
    last = np.flatnonzero(~cheaper)
    start = float(result.arrays["ratios"][last[-1] + 1 if len(last) else 0])
    return f"Above a cost ratio of about {count(float(f'{start:.1g}'))}, even always stopping is cheaper."


def chances(result: Result, method: str | None = None) -> np.ndarray:
    """Probability of any failure ``(repeats, n)``: by a way to balance, or by the network, class weights undone."""
    if method is None:
        return 1 - result.arrays["probabilities_without_weights"][..., NORMAL].astype(float)
    place = list(result.frame("methods")["method"]).index(method)
    return result.arrays["failure_probability"][place].astype(float)


@told
def sure_sentence(result: Result, method: str | None = None) -> str:
    """Whether more failures occur among the rows that are given the smallest probabilities than expected, in words."""
    chance = chances(result, method)
    y, small = result.arrays["y"], chance < SMALL
    repeats = len(chance)
    expected, occurred = chance[small].sum() / repeats, (small & (y != NORMAL)).sum() / repeats
    random = (small & (y == RANDOM)).sum() / repeats
    text = (
        f"Of the {count(small.sum() / repeats)} rows that the network gives less than {percent(SMALL)}, it expects "
        f"{decimals(expected, 1)} to fail; {count(occurred)} do, {count(random)} at random"
    )
    if occurred <= 2 * expected:
        return f"{text}."
    return f"{text}: it is too sure of small probabilities, since random failures strike anywhere."


@told
def overstrain_sentence(result: Result) -> str:
    """Why overstrain failures need inputs that their rule does not have, in words."""
    drops = result.frame("importance").set_index(["label", "input"])["f1_drop"]["Overstrain Failure"]
    inputs = list(drops.index)
    cells = result.arrays["shuffled"][:, OVERSTRAIN]
    places = {name.partition(" [")[0]: 1 + place for place, name in enumerate(inputs)}
    others = (("Rotational speed", POWER), ("Air temperature", HEAT), ("Process temperature", HEAT))
    moved = [cells[places[name], k] - cells[0, k] for name, k in others]
    lost = [cells[0, OVERSTRAIN] - cells[places[name], OVERSTRAIN] for name, _ in others]
    if not all(0 < 0.5 * gone < to for gone, to in zip(lost, moved, strict=True)):
        return ""
    falls = [decimals(float(drops.iloc[places[name] - 1])) for name, _ in others]
    return (
        f"Overstrain also needs speed and temperatures (falls of {falls[0]}, {falls[1]} and {falls[2]}), which are not "
        "in its rule: most of the rows lost are called power failures at another speed, and heat failures at another "
        "temperature, since a row gets one name."
    )


@told
def agreement_sentence(result: Result) -> str:
    """On how much of the three planes network and rules agree, and what most of the misses are, in words."""
    names = ("torque_speed", "wear_torque", "temperatures")
    shares = [percent(float(result.scalars[f"agreement_{name}"]), 0) for name in names]
    arrays = result.arrays
    wrong = sum(int((arrays[f"{name}_learned"] != arrays[f"{name}_rule"]).sum()) for name in names)
    speeds = (arrays["torque_speed_x"][None], float(result.scalars["wear_torque_rotational_speed"]))
    weak = 0
    for name, speed in zip(names[:2], speeds, strict=True):
        power = arrays[f"{name}_y"][:, None] * speed * 2 * np.pi / 60
        missed = (arrays[f"{name}_rule"] == POWER) & (arrays[f"{name}_learned"] == NORMAL)
        weak += int((missed & (power < 6000)).sum())
    most = (
        f" Of the misses, {percent(weak / wrong, 0)} are points of too little power, called no failure."
        if weak > 0.5 * wrong
        else ""
    )
    return f"It agrees with them on {shares[0]}, {shares[1]} and {shares[2]} of the points.{most}"
