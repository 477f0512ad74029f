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
from labcode.lab.classification.first_experiments import FirstSpec, _reweighted, run_as_submitted
from labcode.lab.classification.first_results import AsSubmitted
from labcode.lab.classification.first_stated import RESULT, Comparison, stated_figures
from labcode.lab.classification.settings import First
from labcode.lab.full_batch import QuickDropout, Steps, cross_entropy_and_right, history, outputs, seeded
from labcode.nets.processes import using
from labcode.scoring.intervals import next_draw_limits, prediction_limits
from labcode.scoring.scores import accuracy, macro_f1

SHOWN = ("cleaned", "first_split", "split_first", "FirstNetwork", "train_first", "accuracy", "scored")
TRAINED = {"hidden": (8, 4), "lr": 0.01, "epochs": 50, "dropout": 0.3, "weight_decay": 1e-4}
SETTINGS = First(**TRAINED, smote_neighbors=5, seeds=6, order_seeds=2, informative=0.25)  # type: ignore[arg-type]


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
    data: Any = {"maintenance": SimpleNamespace(frame=MACHINES)}
    with using(_Here()):
        return run_as_submitted(FirstSpec(first=SETTINGS), data=data, results={}, progress=lambda share: None)


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """What the listing defines where nothing else is, with the imports that it shows."""
    namespace: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + source_of("labcode.lab.classification.first", *SHOWN), namespace)
    return namespace


def by_hand(smote_seed: int) -> tuple[np.ndarray, np.ndarray]:
    """All rows as our first version made them before it split: the recorded ones, then those that SMOTE adds."""
    inputs = MACHINES.drop(columns=["UDI", "Product ID", "Failure Type"])
    inputs["Type"] = inputs["Type"].map({"H": 0, "L": 1, "M": 2})
    scaled = ((inputs - inputs.mean()) / inputs.std(ddof=0)).to_numpy()
    y = np.asarray(MACHINES["Failure Type"].astype("category").cat.codes)
    return SMOTE(random_state=smote_seed).fit_resample(scaled, y)


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
    assert len(y_test) == 50 and np.bincount(y_test)[NORMAL] == 38 and (np.bincount(y_train) == 152).all()
    # Spoiling the test rows changes nothing of the training rows; in the order of our first version it does.
    positions, (_, y) = np.arange(len(MACHINES)), shown["cleaned"](MACHINES)
    _, test = shown["train_test_split"](positions, test_size=0.2, random_state=42, stratify=y)
    spoilt = MACHINES.copy()
    spoilt["Torque [Nm]"] = spoilt["Torque [Nm]"].where(~np.isin(positions, test), 1e6)
    torch.testing.assert_close(shown["split_first"](spoilt, 3)[0], X_train)
    assert not torch.equal(shown["first_split"](spoilt, 3)[0], shown["first_split"](MACHINES, 3)[0])


@pytest.mark.parametrize("decay", [0.0, 1e-2])
def test_both_loops_train_the_same_network(shown: dict[str, Any], decay: float) -> None:
    rows = shown["first_split"](MACHINES, 0)
    torch.manual_seed(5)
    plain = shown["FirstNetwork"]((8, 4))
    expected = shown["train_first"](plain, rows, epochs=12, lr=0.01, weight_decay=decay)
    fast = seeded(lambda: shown["FirstNetwork"]((8, 4)), 5)
    steps = Steps(epochs=12, lr=0.01, weight_decay=decay, chunk=100)
    np.testing.assert_allclose(history(fast, rows, cross_entropy_and_right, steps), expected, atol=1e-4)
    report, confusion = shown["scored"](plain, rows[1], rows[3])
    assert float(np.trace(confusion) / confusion.sum()) == pytest.approx(expected["test_accuracy"].iloc[-1])
    np.testing.assert_array_equal(plain(rows[1]).argmax(dim=1), outputs(fast, rows[1]).argmax(dim=1))
    assert report.loc["macro avg", "f1-score"] == pytest.approx(float(macro_f1(confusion)))


def test_quick_dropout_keeps_its_share_differs_by_seed_and_call_and_rests_outside_of_training() -> None:
    units = torch.ones(2000, 64)
    dropout, other = (QuickDropout(0.3, np.random.SFC64(seed)) for seed in (1, 2))
    masks = [dropout(units), dropout(units), other(units)]
    for mask in masks:
        assert mask.unique().tolist() == pytest.approx([0, 1 / 0.7])
        assert float(mask.mean()) == pytest.approx(1, abs=0.02)
    for mask in masks[1:]:
        assert float((masks[0] == mask).float().mean()) == pytest.approx(0.7**2 + 0.3**2, abs=0.01)
    assert torch.equal(dropout.eval()(units), units)


def test_numbers_are_those_of_the_curves_and_of_the_counts(first: AsSubmitted) -> None:
    assert first.curves.shape == (6, 50, 4)
    assert first.plain.test_loss_epoch[10].value == pytest.approx(first.curves[:, 10, 1].mean())
    np.testing.assert_allclose(accuracy(first.confusion_plain_test), first.curves[:, -1, 3], atol=1e-6)
    assert first.plain.macro_f1.value == pytest.approx(macro_f1(first.confusion_plain_test).mean())
    assert first.regularised_gain.value == pytest.approx(first.regularised.accuracy - first.plain.accuracy)


def test_recorded_rows_are_counted_once_and_held_out_ones_are_those_of_the_test(first: AsSubmitted) -> None:
    _, y = by_hand(0)
    _, test = train_test_split(np.arange(len(y)), test_size=0.2, random_state=42)
    own = y[test[test < len(MACHINES)]]
    assert (first.held_out.rows, first.held_out.healthy) == (len(own), (own == NORMAL).sum())
    assert first.synthetic_share.value == pytest.approx(1 - len(own) / first.test_rows.value)
    assert (first.natural.rows, first.natural.majority, first.split_first.rows) == (250, 190 / 250, 50)
    assert first.natural.mean_accuracy.value == pytest.approx(first.natural.accuracy.value)
    assert first.natural.accuracy.low < first.natural.mean_accuracy.low < first.natural.mean_accuracy.high


def test_a_reweighted_matrix_has_the_scores_of_rows_in_that_mix() -> None:
    matrix = 10 * np.eye(6, dtype=int)
    matrix[NORMAL, NORMAL], matrix[NORMAL, RANDOM] = 8, 2
    recorded = np.array([10.0, 1000.0, 10.0, 10.0, 10.0, 10.0])
    found = _reweighted(matrix.tolist(), recorded)
    actual = np.repeat(np.arange(6), recorded.astype(int))
    called = actual.copy()
    called[np.flatnonzero(actual == NORMAL)[:200]] = RANDOM
    report = classification_report(actual, called, output_dict=True)
    assert found.accuracy.value == pytest.approx(report["accuracy"])
    assert found.macro_f1.value == pytest.approx(report["macro avg"]["f1-score"])
    assert found.precision_random.value == pytest.approx(10 / 210)
    assert found.accuracy.low < found.accuracy < found.accuracy.high


def test_stated_figures_are_counted_once_but_not_those_without_luck_or_that_were_never_printed(
    first: AsSubmitted,
) -> None:
    found = stated_figures()
    by_place = {each.ours: each for each in found}
    assert len(by_place) == len(found) and by_place[f"{RESULT}.plain.accuracy"].half == pytest.approx(0.005)
    assert by_place[f"{RESULT}.plain.test_accuracy_epoch[10]"].value == stated("classification.baseline_10").value
    assert first.figures == 12 + 10 + 36 + 20, "accuracies, losses, confusion counts, scores by class"
    assert list(first.agreement) == [5, 6]
    assert first.agreement[6].inside_informative <= first.agreement[6].inside <= first.figures


def comparison(values: np.ndarray, said: list[float]) -> Comparison:
    n = values.shape[1]
    return Comparison(stated=np.array(said), half=np.full(n, 0.005), values=values, scale=np.ones(n))


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


def test_tables_and_frames(first: AsSubmitted) -> None:
    counts = figures.class_counts(MACHINES).groupby(["order", "part"], sort=False)["rows"]
    assert counts.sum().iloc[0] == 250 and counts.nunique()[("split first", "training")] == 1
    runs, printed = figures.runs(first), figures.printed()
    assert len(runs) == 2 * 6 * 50 and not runs.isna().any().any()
    assert printed["accuracy"].notna().sum() == printed["loss"].notna().sum() == 5
    assert figures.confusions(first)["stated"].loc["heat dissipation", "tool wear"] == 141
    table = tables.hyperparameters(SETTINGS).set_index("setting")
    assert table.loc["dropout"].tolist() == ["0", "0.3"] and table.loc["units", "plain"] == "7 → 8 → 4 → 6"
    for shown in (tables.report, tables.where_it_matters, tables.agreement):
        assert not shown(first).isna().any().any()
