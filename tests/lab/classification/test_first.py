"""Our first version of the classification: what pages show of it runs by itself, and its results are what they say."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from imblearn.over_sampling import SMOTE
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split

from labcode.book.listing import source_of
from labcode.book.reference import stated
from labcode.data.simulate import simulate_maintenance
from labcode.lab.classification import figures, tables
from labcode.lab.classification.classes import CLASSES, NORMAL, RANDOM
from labcode.lab.classification.first_experiments import EXPERIMENTS, FirstSpec, _reweighted, run_as_submitted
from labcode.lab.classification.first_fast import FastNetwork, quick_masks, same_masks
from labcode.lab.classification.first_results import PRINTED_EPOCHS, AsSubmitted
from labcode.lab.classification.first_stated import (
    RESULT,
    Comparison,
    StatedFigure,
    stated_figures,
)
from labcode.lab.classification.settings import First
from labcode.lab.config import configured
from labcode.nets.processes import using
from labcode.results.typed import flatten, impossible, numbers, unflatten
from labcode.scoring.intervals import next_draw_limits, prediction_limits
from labcode.scoring.scores import accuracy, macro_f1

SHOWN = ("cleaned", "first_split", "split_first", "FirstNetwork", "train_first", "accuracy", "scored")
SETTINGS = First(
    hidden=(8, 4),
    lr=0.01,
    epochs=50,
    dropout=0.3,
    weight_decay=1e-4,
    smote_neighbors=5,
    seeds=6,
    order_seeds=2,
    informative=0.25,
)


def machines() -> pd.DataFrame:
    """250 rows with twelve of each failure, whatever their sensors say."""
    frame = simulate_maintenance(250)
    failures = [label for label in CLASSES if label != "No Failure"]
    labels = np.full(len(frame), "No Failure", dtype=object)
    labels[: 12 * len(failures)] = np.repeat(failures, 12)
    return frame.assign(**{"Failure Type": labels, "Target": (labels != "No Failure").astype(int)})


MACHINES = machines()


class _Here:
    """Calls tasks one after the other, in this process."""

    def map(self, task: Any, arguments: Any) -> Iterator[Any]:
        return (task(*each) for each in arguments)


@pytest.fixture(scope="module")
def first() -> AsSubmitted:
    matrix = tuple(tuple(int(n) for n in row) for row in stated("classification.confusion").values or ())
    spec = FirstSpec(first=SETTINGS, stated=stated_figures(), matrix=matrix)
    with using(_Here()):
        return run_as_submitted(
            spec,
            data={"maintenance": SimpleNamespace(frame=MACHINES)},  # type: ignore[dict-item]
            results={},
            progress=lambda share: None,
        )


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """What the listing defines where nothing else is, with the imports that it shows."""
    namespace: dict[str, Any] = {}
    source = source_of("labcode.lab.classification.first", *SHOWN)
    exec("from __future__ import annotations\n" + source, namespace)
    return namespace


def by_hand(smote_seed: int) -> tuple[np.ndarray, np.ndarray]:
    """All rows as our first version made them before it split: the recorded ones, then those that SMOTE adds."""
    inputs = MACHINES.drop(columns=["UDI", "Product ID", "Failure Type"])
    inputs["Type"] = inputs["Type"].map({"H": 0, "L": 1, "M": 2})
    scaled = (inputs - inputs.mean()) / inputs.std(ddof=0)
    return SMOTE(random_state=smote_seed).fit_resample(
        scaled.to_numpy(), np.asarray(MACHINES["Failure Type"].astype("category").cat.codes)
    )


def test_our_first_split_scales_and_balances_all_rows_before_it_splits(shown: dict[str, Any]) -> None:
    X_train, X_test, y_train, y_test = shown["first_split"](MACHINES, 3)
    counts = np.bincount(torch.cat([y_train, y_test]))
    assert (counts == 190).all() and len(y_test) == pytest.approx(0.2 * 6 * 190, abs=1)
    assert X_train.shape[1] == 7, "`Target` is among them"
    known, known_y = by_hand(3)
    train, test = train_test_split(np.arange(len(known)), test_size=0.2, random_state=42)
    np.testing.assert_array_equal(y_test, known_y[test])
    np.testing.assert_allclose(X_test, known[test], atol=1e-5)
    np.testing.assert_allclose(X_train, known[train], atol=1e-5)


def test_the_right_order_learns_nothing_from_test_rows(shown: dict[str, Any]) -> None:
    X_train, _, y_train, y_test = shown["split_first"](MACHINES, 3)
    assert len(y_test) == 50 and np.bincount(y_test)[NORMAL] == 38
    assert (np.bincount(y_train) == 152).all()
    # Spoiling the test rows changes nothing of the training rows; in the order of our first version it does.
    positions = np.arange(len(MACHINES))
    _, y = shown["cleaned"](MACHINES)
    _, test = shown["train_test_split"](positions, test_size=0.2, random_state=42, stratify=y)
    spoilt = MACHINES.copy()
    spoilt["Torque [Nm]"] = spoilt["Torque [Nm]"].where(~np.isin(positions, test), 1e6)
    torch.testing.assert_close(shown["split_first"](spoilt, 3)[0], X_train)
    assert not torch.equal(shown["first_split"](spoilt, 3)[0], shown["first_split"](MACHINES, 3)[0])


@pytest.mark.parametrize(("dropout", "decay"), [(0.0, 0.0), (0.3, 1e-2)])
def test_both_loops_train_the_same_network(shown: dict[str, Any], dropout: float, decay: float) -> None:
    rows = shown["first_split"](MACHINES, 0)
    torch.manual_seed(5)
    plain = shown["FirstNetwork"]((8, 4), dropout)
    history = shown["train_first"](plain, rows, epochs=12, lr=0.01, weight_decay=decay)
    torch.manual_seed(5)
    fast = FastNetwork(shown["FirstNetwork"]((8, 4)), same_masks(dropout) if dropout else None)
    found = fast.train(rows, epochs=12, lr=0.01, weight_decay=decay)
    np.testing.assert_allclose(found, history, atol=1e-4)
    for ours, theirs in zip(fast.network.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)
    report, confusion = shown["scored"](plain, rows[1], rows[3])
    assert float(np.trace(confusion) / confusion.sum()) == pytest.approx(history["test_accuracy"].iloc[-1])
    np.testing.assert_array_equal(plain(rows[1]).argmax(dim=1), fast.predict(rows[1]))
    assert report.loc["macro avg", "f1-score"] == pytest.approx(float(macro_f1(confusion)))


def test_rows_of_more_than_a_chunk_give_the_same_step(monkeypatch: pytest.MonkeyPatch, shown: dict[str, Any]) -> None:
    rows = shown["first_split"](MACHINES, 0)
    torch.manual_seed(0)
    whole = shown["train_first"](shown["FirstNetwork"]((8, 4)), rows, epochs=5)
    monkeypatch.setattr("labcode.lab.classification.first_fast.CHUNK", 100)
    torch.manual_seed(0)
    found = FastNetwork(shown["FirstNetwork"]((8, 4))).train(rows, epochs=5, lr=0.001)
    np.testing.assert_allclose(found, whole, atol=1e-5)


def test_quick_masks_keep_their_share_and_differ_by_seed_and_layer() -> None:
    draw = quick_masks(0.3, 1)
    (first, second), (rest, _) = draw(4000, (64, 64))
    (again, _), _ = draw(4000, (64, 64))
    (other, _), _ = quick_masks(0.3, 2)(4000, (64, 64))
    assert len(first) + len(rest) == 4000
    assert first.unique().tolist() == pytest.approx([0, 1 / 0.7])
    for mask in (first, second, rest, other):
        assert float(mask.mean()) == pytest.approx(1, abs=0.01)
    for two in (second, again, other):
        assert float((first == two).float().mean()) == pytest.approx(0.7**2 + 0.3**2, abs=0.01)


def test_the_result_comes_back_from_the_store_and_every_number_is_possible(first: AsSubmitted) -> None:
    flat = flatten(first)
    after = unflatten(AsSubmitted, flat.scalars, flat.tables, flat.arrays)
    assert repr(dict(numbers(after))) == repr(dict(numbers(first)))
    assert {path: impossible(number) for path, number in numbers(first) if impossible(number)} == {}
    assert [path for path, number in numbers(first) if not number.quantity.says] == []


def test_the_names_that_pages_read_are_there(first: AsSubmitted) -> None:
    scalars = flatten(first).scalars
    ends = ("", "_low", "_high")
    wanted = {"seeds", "test_rows", "synthetic_share", *(f"support_{k}" for k in range(6))}
    for prefix in ("", "regularised_"):
        names = ["accuracy", "macro_f1", "train_accuracy", "train_macro_f1"]
        names += [
            f"{rows}_{name}_epoch_{epoch}"
            for rows in ("train", "test")
            for name in ("loss", "accuracy")
            for epoch in PRINTED_EPOCHS
        ]
        wanted |= {f"{prefix}{name}{end}" for name in names for end in ends}
    assert wanted - set(scalars) == set()


def test_numbers_are_those_of_the_curves_and_of_the_counts(first: AsSubmitted) -> None:
    assert first.curves_plain.shape == first.curves_regularised.shape == (6, 50, 4)
    assert first.plain.test_loss_epoch[10].value == pytest.approx(first.curves_plain[:, 10, 1].mean())
    np.testing.assert_allclose(accuracy(first.confusion_plain_test), first.curves_plain[:, -1, 3], atol=1e-6)
    np.testing.assert_allclose(
        accuracy(first.confusion_regularised_test), first.curves_regularised[:, -1, 3], atol=1e-6
    )
    assert first.regularised.macro_f1.value == pytest.approx(macro_f1(first.confusion_regularised_test).mean())
    assert max(difference.value for difference in first.largest_difference.values()) < 1e-3
    np.testing.assert_allclose(first.plain_curves_plain, first.curves_plain[0], atol=1e-3)
    assert np.abs(first.plain_confusion_plain - first.confusion_plain_test[0]).sum() <= 2, "at most one row differs"
    assert first.plain_confusion_regularised.sum() == first.test_rows
    gain = first.regularised.accuracy - first.plain.accuracy
    assert first.regularised_gain.value == pytest.approx(gain)


def test_recorded_rows_are_counted_once_and_held_out_ones_are_those_of_the_test(first: AsSubmitted) -> None:
    assert first.confusion_plain_natural.sum(axis=2)[0].tolist() == [12, 190, 12, 12, 12, 12]
    held_out = first.confusion_plain_held_out.sum(axis=(1, 2))
    assert first.synthetic_share.value == pytest.approx(1 - held_out[0] / first.test_rows.value)
    _, y = by_hand(0)
    _, test = train_test_split(np.arange(len(y)), test_size=0.2, random_state=42)
    own = y[test[test < len(MACHINES)]]
    np.testing.assert_array_equal(first.confusion_plain_held_out[2].sum(axis=1), np.bincount(own, minlength=6))
    assert first.natural.majority.value == 190 / 250
    called = first.confusion_plain_natural[:, NORMAL, RANDOM]
    assert first.natural.healthy_as_random.value == called.mean()
    share = (accuracy(first.confusion_plain_natural) > 190 / 250).mean()
    assert first.natural.above_majority.value == share
    assert first.split_first.rows.value == 50
    assert first.natural.mean_accuracy.value == pytest.approx(first.natural.accuracy.value)
    assert first.natural.accuracy.low < first.natural.mean_accuracy.low < first.natural.mean_accuracy.high


def test_a_reweighted_matrix_has_the_scores_of_rows_in_that_mix() -> None:
    matrix = 10 * np.eye(6, dtype=int)
    matrix[NORMAL, NORMAL], matrix[NORMAL, RANDOM] = 8, 2
    recorded = np.array([10.0, 1000.0, 10.0, 10.0, 10.0, 10.0])
    found = _reweighted(matrix.tolist(), recorded)
    actual, called = np.repeat(np.arange(6), recorded.astype(int)), np.repeat(np.arange(6), recorded.astype(int))
    called[np.flatnonzero(actual == NORMAL)[:200]] = RANDOM
    report = classification_report(actual, called, output_dict=True)
    assert found.accuracy.value == pytest.approx(report["accuracy"])
    assert found.macro_f1.value == pytest.approx(report["macro avg"]["f1-score"])
    assert found.precision_random.value == pytest.approx(10 / 210)
    assert found.accuracy.low < found.accuracy < found.accuracy.high


def test_every_stated_figure_is_counted_once_with_its_most_digits() -> None:
    found = stated_figures()
    by_place = {each.ours: each for each in found}
    assert len(by_place) == len(found)
    assert (
        by_place[f"{RESULT}.plain.test_accuracy_epoch[10]"].value
        == stated("classification.baseline_10").value
        == 0.5125
    )
    assert by_place[f"{RESULT}.plain.accuracy"].half == pytest.approx(0.005)


def test_figures_without_luck_or_that_were_never_printed_are_not_counted(first: AsSubmitted) -> None:
    kinds = {kind: own.figures.value for kind, own in first.families.items()}
    assert kinds == {"accuracy": 12, "loss": 10, "confusion count": 36, "class score": 20}
    assert sum(kinds.values()) == first.figures.value
    for own in first.families.values():
        assert own.inside_informative <= own.inside <= own.figures
        assert own.inside_informative <= own.informative
    assert first.agreement[6].inside.value == sum(own.inside.value for own in first.families.values())
    assert list(first.agreement) == [5, 6]


def comparison(values: np.ndarray, said: list[float], scale: float = 1.0) -> Comparison:
    n = values.shape[1]
    return Comparison(
        stated=np.array(said), half=np.full(n, 0.005), values=values, scale=np.full(n, scale), kind=np.array(["x"] * n)
    )


def test_wide_and_empty_limits_say_nothing() -> None:
    random = np.random.default_rng(0)
    values = np.column_stack([random.normal(0.5, 0.01, 30), random.uniform(0, 1, 30), np.zeros(30)])
    found = comparison(values, [0.5, 0.5, 0.0])
    assert found.informative(0.25).tolist() == [True, False, False]
    assert found.inside(next_draw_limits(values)).tolist() == [True, True, True]
    assert comparison(values, [0.6, 1.2, 0.006]).inside(next_draw_limits(values)).tolist() == [False, False, False]


def test_limits_of_few_seeds_hold_as_many_others_as_they_should() -> None:
    found = comparison(np.random.default_rng(1).normal(0.5, 0.1, (30, 60)), [0.5] * 60)
    every = np.ones(60, dtype=bool)
    # The lowest and the highest of n draws hold another one with the chance (n - 1) / (n + 1).
    for n in (5, 10):
        assert found.by_seeds(n, next_draw_limits, every)[2] == pytest.approx((n - 1) / (n + 1), abs=0.04)
        assert found.by_seeds(n, prediction_limits, every)[2] == pytest.approx(0.95, abs=0.03)
    assert found.by_seeds(30, next_draw_limits, every)[2] == pytest.approx(28 / 30)


def test_the_notation_of_the_reference_finds_its_setting() -> None:
    (experiment,) = EXPERIMENTS
    assert isinstance(experiment.spec, FirstSpec)
    assert experiment.spec.first == configured(First, "classification.first")
    assert experiment.spec.first.seeds >= 30
    assert experiment.spec.matrix[0][0] == 1703
    assert all(isinstance(each, StatedFigure) for each in experiment.spec.stated)


def test_tables_and_frames(first: AsSubmitted) -> None:
    counts = figures.class_counts(MACHINES)
    assert counts.groupby(["order", "part"], sort=False)["rows"].sum().tolist()[0] == 250
    balanced = counts[(counts["order"] == "split first") & (counts["part"] == "training")]["rows"]
    assert balanced.nunique() == 1
    runs = figures.runs(first)
    assert len(runs) == 2 * 2 * 6 * 50 and not runs.isna().any().any()
    printed = figures.printed()
    assert printed["accuracy"].notna().sum() == printed["loss"].notna().sum() == 10
    assert figures.confusions(first)["stated"].loc["heat dissipation", "tool wear"] == 141
    assert tables.architecture(SETTINGS) == "7 → 8 → 4 → 6"
    table = tables.hyperparameters(SETTINGS).set_index("setting")
    assert table.loc["dropout"].tolist() == ["0", "0.3"] and table.loc["learning rate", "plain"] == "0.01"
    for shown in (tables.report, tables.where_it_matters, tables.agreement):
        assert not shown(first).isna().any().any()
