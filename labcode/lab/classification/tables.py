"""The tables of the classification chapter."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from labcode.book.reference import stated
from labcode.book.text import marked
from labcode.lab.classification.classes import CLASSES, SHORT
from labcode.lab.classification.first_results import AsSubmitted, Natural
from labcode.lab.classification.settings import First
from labcode.lab.classification.sound_results import Ceiling, Contest, Decided, Tuned
from labcode.lab.classification.training_results import EqualAlarms, HeldBack
from labcode.results.number import decimals
from labcode.scoring.scores import accuracy, f1_scores, precisions, recalls

#: Classes as tables and figures call them.
CLASS_NAMES = [slug.replace("_", " ") for slug in CLASSES.values()]


def hyperparameters(first: First) -> pd.DataFrame:
    """Every setting of our first version's training: columns ``setting``, ``plain``, ``regularised``."""
    same = {
        "units": " → ".join(map(str, (7, *first.hidden, len(CLASSES)))),
        "activation": "ReLU",
        "loss": "cross-entropy",
        "optimiser": "Adam",
        "learning rate": f"{first.lr:g}",
        "epochs": f"{first.epochs}",
        "rows a step": "all",
        "SMOTE: neighbours": f"{first.smote_neighbors}",
    }
    rows = [(name, value, value) for name, value in same.items()]
    rows += [("dropout", "0", f"{first.dropout:g}"), ("weight decay", "0", f"{first.weight_decay:g}")]
    return pd.DataFrame(rows, columns=["setting", "plain", "regularised"])


def report(first: AsSubmitted) -> pd.DataFrame:
    """Precision, recall and F1 of each class on the balanced test rows: stated, ours, and where a seed should fall."""
    scores = {"precision": first.plain.precision, "recall": first.plain.recall, "F1": first.plain.f1}
    rows = []
    for k, (name, said) in enumerate(zip(CLASS_NAMES, stated("classification.report").values or (), strict=True)):
        row = {"class": name, "rows": first.support[k].bare}
        for (title, ours), value in zip(scores.items(), said, strict=False):
            row |= {f"{title}, stated": decimals(value, 2), f"{title}, ours": str(ours[k].interval)}
        rows.append(row)
    return pd.DataFrame(rows)


def where_it_matters(first: AsSubmitted) -> pd.DataFrame:
    """Accuracy, macro-F1 and healthy rows called random failures: as stated, on balanced rows, on recorded ones."""
    accuracy_said, f1_said = (float(stated(f"classification.{name}").value or 0) for name in ("accuracy", "macro_f1"))
    mixed, balanced = first.reweighted, first.plain
    rows = [
        ("as we stated it", f"{decimals(100 * accuracy_said, 0)}%", decimals(f1_said, 2), ""),
        ("stated matrix, natural mix", mixed.accuracy.interval, mixed.macro_f1.interval, ""),
        ("balanced test rows", balanced.accuracy.interval, balanced.macro_f1.interval, ""),
        _natural("all recorded rows", first.natural),
        _natural("recorded rows, not trained on", first.held_out),
        _natural("recorded rows, split before SMOTE", first.split_first),
    ]
    return pd.DataFrame(rows, columns=["rows", "accuracy", "macro-F1", "healthy, called random"])


def _natural(name: str, found: Natural) -> tuple[str, str, str, str]:
    share = f"{found.healthy_as_random.interval} of {found.healthy}"
    return name, found.accuracy.interval, found.macro_f1.interval, share


def agreement(first: AsSubmitted) -> pd.DataFrame:
    """Stated figures inside the limits of so many seeds, and how many other seeds those limits hold."""
    measured = {"inside": "inside", "informative": "inside_informative", "other seeds": "coverage"}
    columns = {f"{says}{', t' * t}": f"{name}{'_t' * t}" for t in (False, True) for says, name in measured.items()}
    return pd.DataFrame(
        {"seeds": seeds} | {says: str(getattr(own, name)) for says, name in columns.items()}
        for seeds, own in first.agreement.items()
    )


#: Variants as tables and figures call them.
FAULTS = {
    "sound": "no fault",
    "scaler_before_split": "scaler before split",
    "smote_before_split": "SMOTE before split",
    "with_target": "Target as input",
    "both": "SMOTE and Target",
    "all": "all three",
}
#: What the decisions are called in a figure or table.
NAMES = {
    "most_probable": "most probable class",
    "best": "best decision",
    "most_probable_printed": "most probable class, at 0.1 K",
    "best_printed": "best decision, at 0.1 K",
    "row_order": "best decision that knows the next row",
}


def ceilings(ceiling: Ceiling) -> pd.DataFrame:
    """Macro-F1 of each decision on the rows and on simulated tables: a row a decision, cells as text."""
    rows = [
        (says, str(getattr(ceiling, name).macro_f1.interval), str(ceiling.simulated[name].interval))
        for name, says in NAMES.items()
    ]
    return pd.DataFrame(rows, columns=["who knows the rules", "these rows", "simulated tables"])


WAYS = {
    "nothing": "nothing",
    "weights": "class weights",
    "oversampling": "copies of rare rows",
    "undersampling": "fewer healthy rows",
    "smote": "SMOTE, measured columns",
    "smote_derived": "SMOTE, derived columns too",
    "smotenc": "SMOTENC",
    "borderline_smote": "borderline SMOTE",
    "focal_loss": "focal loss",
}


def at_equal_alarms(found: EqualAlarms) -> pd.DataFrame:
    """Each way beside doing nothing, in the order of average precision."""
    ordered = sorted(found.methods.items(), key=lambda each: -each[1].average_precision.value)
    return pd.DataFrame(
        {
            "way": WAYS[name],
            "average precision": own.average_precision.interval,
            "average precision, weights divided out": own.average_precision_undone.bare,
            "found at SMOTE's needless stops": own.found_at_smote.interval,
            "log loss": own.log_loss.bare,
            "log loss, weights divided out": own.log_loss_undone.bare,
        }
        for name, own in ordered
    )


MODELS = {
    "network": "network",
    "forest": "random forest",
    "boosting": "boosting",
    "logistic": "logistic regression",
}


def contest(found: Contest, ceiling: Ceiling) -> pd.DataFrame:
    """Macro-F1 with either decision and log loss of each model, and of one who knows the rules."""
    rows: list[tuple[object, ...]] = []
    for name, says in MODELS.items():
        entries = ("network_without_rule", "network") if name == "network" else (name, f"{name}_with_rule")
        plain, ruled = (getattr(found, entry) for entry in entries)
        rows.append((says, plain.macro_f1.interval, ruled.macro_f1.interval, found.chances[name].log_loss.bare))
    best = [own.macro_f1.interval for own in (ceiling.most_probable, ceiling.best)]
    rows.append((marked("*knows the rules*"), *best, ceiling.log_loss.bare))
    return pd.DataFrame(rows, columns=["model", "most probable class", "decision for macro-F1", "log loss"])


def gains(found: Contest) -> pd.DataFrame:
    """What the network gains over each rival with the same decision, in three ways."""
    return pd.DataFrame(
        {
            "network less": MODELS[name],
            "same rows": own.macro_f1.interval,
            "folds": own.folds.interval,
            "fresh simulated rows": own.fresh.interval,
            "log loss saved": found.loss_gains[name].log_loss.interval,
        }
        for name in found.loss_gains
        for own in [found.gains[f"{name}_with_rule"]]
    )


def training_and_held_out(first: AsSubmitted, found: Contest) -> pd.DataFrame:
    """Accuracy, mean recall, mean precision and macro-F1 of both versions, on training rows and on others."""
    plain, ruled = found.network_without_rule, found.network
    counts = {
        "first version": (first.confusion_plain_train, first.confusion_plain_test),
        "this version, most probable class": (plain.train_confusion, plain.confusion),
        "this version, decision for macro-F1": (ruled.train_confusion, ruled.confusion),
    }
    scores = {"accuracy": accuracy, "recall": recalls, "precision": precisions, "macro-F1": f1_scores}
    return pd.DataFrame(
        {"network": name, "rows": rows} | {title: decimals(score(own).mean(), 3) for title, score in scores.items()}
        for name, pair in counts.items()
        for rows, own in zip(("training", "test" if name == "first version" else "held out"), pair, strict=True)
    )


def by_class(found: Contest, ceiling: Ceiling) -> pd.DataFrame:
    """Precision, recall and F1 of the network by class, and the F1 of one who knows the rules."""
    network = found.network
    scores = {"precision": network.precision, "recall": network.recall, "F1": network.f1}
    return pd.DataFrame(
        {"class": says}
        | {name: str(by_class[slug].interval) for name, by_class in scores.items()}
        | {"knows the rules": str(ceiling.best.f1[slug])}
        for slug, says in zip(CLASSES.values(), SHORT.values(), strict=True)
    )


VALUES = {
    "exponent of class weights": "weights",
    "L1": "l1",
    "learning rate": "lr",
    "epochs": "epochs",
    "units of the layers": "layers",
}


def search(found: Tuned) -> pd.DataFrame:
    """The values of each hyperparameter, and how many outer folds chose each."""
    rows = []
    for says, name in VALUES.items():
        chosen: Counter[str | float] = Counter()
        for setting in found.settings.values():
            value = getattr(setting, name)
            chosen[value if isinstance(value, str) else float(value)] += int(setting.chosen.value)
        ordered = sorted(chosen.items(), key=lambda each: float(str(each[0]).split()[0]))
        texts = [f"{value if isinstance(value, str) else f'{value:g}'}: {n}" for value, n in ordered]
        rows.append({"hyperparameter": says, "value: folds that chose it": ", ".join(texts)})
    return pd.DataFrame(rows)


TECHNIQUES = {
    "none": "none",
    "dropout": "dropout",
    "decay": "weight decay",
    "l1": "L1",
    "noise": "noise on the inputs",
    "smoothing": "label smoothing",
    "stopping": "early stop",
    "ensemble": "ensemble of networks",
    "recipe": "the recipe as it is",
}


def techniques(found: HeldBack) -> pd.DataFrame:
    """Each technique beside none, in the order of log loss."""
    ordered = sorted(found.techniques.items(), key=lambda each: each[1].log_loss.value)
    return pd.DataFrame(
        {
            "technique": TECHNIQUES[name],
            "strength": f"{own.strength.value:g}" if own.strength.value else "",
            "log loss": own.log_loss.bare,
            "saved": own.log_loss_gain_joint.interval,
            "macro-F1": own.macro_f1.bare,
            "gained": own.gain_joint.interval,
            "training macro-F1": own.train_macro_f1.bare,
        }
        for name, own in ordered
    )


#: Policies as tables and figures call them.
POLICIES = {
    "expected_cost": "network, by cost",
    "argmax": "network, most probable",
    "macro_f1_rule": "network, best macro-F1",
    "forest": "forest, by cost",
    "never": "never stop",
    "always": "always stop",
}


def costs(decided: Decided) -> pd.DataFrame:
    """What each policy costs at each stated ratio; what it misses and stops needlessly at the middle one."""
    ratios = sorted(decided.threshold)
    middle = ratios[len(ratios) // 2]
    return pd.DataFrame(
        {"policy": name}
        | {f"cost at {decimals(ratio, 0)}": decided.at(policy, ratio).cost.interval for ratio in ratios}
        | {"missed": decided.at(policy, middle).missed.bare, "needless": decided.at(policy, middle).needless.bare}
        for policy, name in POLICIES.items()
    )
