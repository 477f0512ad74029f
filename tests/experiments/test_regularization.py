"""The regularization experiments on the quick profile: names, like epochs, exact zeros, and no look at test rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from labcode.data.maintenance import load_maintenance
from labcode.data.prices import load_prices
from labcode.experiments import catalog
from labcode.experiments.regularization import RegressionSpec, run_regression
from labcode.experiments.regularization_curves import stratified_order
from labcode.experiments.regularization_rows import Fold, maintenance_folds, maintenance_rows, price_blocks
from labcode.experiments.regularization_techniques import (
    Strengths,
    epochs_and_cost,
    macro_f1_over_seeds,
    resampled_means,
    technique_scalars,
    techniques,
)
from labcode.metrics import macro_f1_gain, skill_interval
from labcode.protocols import maintenance_sound

TASKS = ("regularization/regression", "regularization/classification")
FAMILIES = {"none", "dropout", "L2 with Adam", "AdamW", "L1", "input noise", "early stopping", "batch norm"}
FAMILIES |= {"smaller network", "dropout + AdamW"}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCODE_STORE_DIR", str(tmp_path_factory.mktemp("store")))
        patch.setenv("LABCODE_PROFILE", "quick")
        patch.delenv("LABCODE_DATA_DIR", raising=False)
        return {result.experiment: result for result in catalog.run(["regularization/*", "regression/as-submitted"])}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCODE_PROFILE", "quick")


def test_the_names_are_there(results: dict) -> None:
    submitted = results["regularization/as-submitted"].scalars
    names = [f"{kind}_mse_epoch_{epoch}" for kind in ("train", "test") for epoch in (0, 10, 19)]
    names += [f"plain_test_mse_epoch_{epoch}" for epoch in (0, 10, 19, 40)]
    assert {f"{name}{end}" for name in names for end in ("", "_low", "_high")} <= set(submitted)
    for task in TASKS:
        table = results[task].frame("techniques")
        expected = {f"{name}_{column}" for name in table["name"] for column in ("train", "test", "gap", "gain_low")}
        assert expected | {"above", "below", "techniques"} <= set(results[task].scalars)
        assert set(table["technique"]) == FAMILIES | ({"label smoothing"} if "classification" in task else set())


def test_like_epochs_are_compared_seed_by_seed(results: dict) -> None:
    found, plain = results["regularization/as-submitted"], results["regression/as-submitted"]
    curves, plain_curves = found.arrays["curves"], found.arrays["plain_curves"]
    np.testing.assert_array_equal(plain_curves, plain.arrays["curves"][: len(curves), :, :2])
    for epoch in (0, 10, 19):
        assert found.scalars[f"test_mse_epoch_{epoch}"] == pytest.approx(curves[:, epoch, 2].mean())
        added = (curves[:, epoch, 2] - plain_curves[:, epoch, 1]).mean()
        assert found.scalars[f"added_mse_epoch_{epoch}"] == pytest.approx(added)
    unlike = (curves[:, 10, 2] - plain_curves[:, 40, 1]).mean()
    assert found.scalars["added_mse_unlike"] == pytest.approx(unlike)


def test_the_training_loss_with_dropout_on_is_not_that_without(results: dict) -> None:
    curves = results["regularization/as-submitted"].arrays["curves"]
    assert (curves[..., 0] != curves[..., 1]).all()
    assert (np.diff(curves[..., 1]) < 0).all(), "each full step lowers the training loss"


def test_none_gains_exactly_nothing_and_the_others_differ_from_it(results: dict) -> None:
    for task in TASKS:
        rows = results[task].frame("techniques").set_index("name")
        assert (rows.loc["none", ["gain", "gain_low", "gain_high"]] == 0).all()
        measure = "test" if "regression" in task else "log_loss_test"
        others = rows.drop(index="none")
        assert (others[measure] != rows.loc["none", measure]).all()
    for table in ("classification", "regression"):
        rows = results["regularization/learning-curves"].frame(table)
        assert (rows[rows["name"] == "none"][["gain", "gain_low", "gain_high"]] == 0).all(axis=None)


def test_scores_gaps_and_gains_belong_together(results: dict) -> None:
    regression, classification = (results[task] for task in TASKS)
    rows = regression.frame("techniques").set_index("name")
    assert rows["gap"].to_numpy() == pytest.approx(rows["test"] - rows["train"])
    assert rows["gain"].to_numpy() == pytest.approx(1 - (rows["test"] / rows.loc["none", "test"]) ** 2)
    np.testing.assert_allclose(np.sqrt((regression.arrays["test_rmse"] ** 2).mean(axis=1)), rows["test"])
    assert rows.loc[regression.scalars["chosen"], "valid"] == rows["valid"].min()
    rows = classification.frame("techniques").set_index("name")
    assert rows["gap"].to_numpy() == pytest.approx(rows["train"] - rows["test"])
    assert rows["gain"].to_numpy() == pytest.approx(rows["test"] - rows.loc["none", "test"])
    np.testing.assert_allclose(classification.arrays["test_f1"].mean(axis=1), rows["test"])
    np.testing.assert_allclose(classification.arrays["test_log_loss"].mean(axis=1), rows["log_loss_test"])
    for result in (regression, classification):
        rows = result.frame("techniques")
        assert (rows["test_low"] <= rows["test"]).all() and (rows["test"] <= rows["test_high"]).all()
        assert result.scalars["above"] == (rows["gain_low"] > 0).sum()


def test_every_technique_has_the_same_budget_and_only_stopping_takes_less(results: dict) -> None:
    for task in TASKS:
        rows, budget = results[task].frame("techniques").set_index("name"), results[task].scalars["epochs"]
        assert (rows.drop(index="early_stopping")["epochs"] == budget).all()
        assert rows.loc["early_stopping", "epochs"] <= budget
        assert rows.loc["smaller", "cost"] < 0.5 * rows.loc["none", "cost"] == 0.5 * rows.loc["batch_norm", "cost"]


def test_changed_test_rows_change_no_network(quick: None) -> None:
    data = load_prices()
    few = Strengths(dropout=(0.1,), l2=(), decay=(), l1=(), input_noise=(), patience=1, smaller=(4,), combined=(0.1, 1))
    spec = RegressionSpec(every=6, seeds=(0,), epochs=2, strengths=few)
    first_test = price_blocks(data.frame, every=6, valid_share=spec.valid_share)["test"].dates.min()
    later = data.frame["date"] >= first_test
    changed = data.frame.assign(open=data.frame["open"].where(~later, data.frame["low"]))
    runs = [
        run_regression(
            spec, data={"prices": replace(data, frame=frame)}, results={}, progress=lambda share: None
        ).arrays
        for frame in (data.frame, changed)
    ]
    for name in ("train_rmse", "valid_rmse"):
        np.testing.assert_array_equal(runs[0][name], runs[1][name])
    assert (runs[0]["test_rmse"] != runs[1]["test_rmse"]).all()


def test_the_blocks_of_dates_follow_each_other(quick: None) -> None:
    train, valid, test = price_blocks(load_prices().frame, every=4, valid_share=0.125).values()
    assert train.dates.max() < valid.dates.min() <= valid.dates.max() < test.dates.min()
    np.testing.assert_allclose(test.squared_errors(test.place)[test.X["high"] > test.X["low"]], 0, atol=1e-12)


def test_held_out_rows_stay_out_of_the_encoder_and_of_the_folds(quick: None) -> None:
    frame = load_maintenance().frame
    X, y = maintenance_rows(frame)
    assert not set(X.index) & set(maintenance_sound(frame).X_test.index)
    folds = maintenance_folds(X, y, (0, 1), 2)
    for seed in (0, 1):
        held = np.concatenate([fold.held for fold in folds if fold.seed == seed])
        assert sorted(held) == list(range(len(y)))
    fold = folds[0]
    assert not set(fold.train) & set(fold.held)
    moved = X.copy()
    moved.iloc[fold.held, 1:] += 10.0
    again = Fold.of(moved, 0, fold.train, fold.held)
    np.testing.assert_array_equal(again.X_train, fold.X_train)
    assert (again.X_held[:, 1:] != fold.X_held[:, 1:]).all()


def test_training_sets_are_nested_and_hold_every_class() -> None:
    y = np.repeat([0, 1, 2], [900, 90, 10])
    order = stratified_order(y, seed=3)
    assert sorted(order) == list(range(1000))
    for size in (100, 300, 700):
        assert np.bincount(y[order[:size]]) == pytest.approx(size * np.array([0.9, 0.09, 0.01]), abs=1.0)
    assert set(y[order[:3]]) == {0, 1, 2}


def test_learning_curves_have_a_row_for_each_technique_and_size(results: dict) -> None:
    found = results["regularization/learning-curves"]
    for table, score in (("classification", "test_f1"), ("regression", "test_rmse")):
        rows = found.frame(table)
        kinds, sizes, seeds = found.arrays[score].shape
        assert (len(rows), rows["rows"].nunique(), seeds) == (kinds * sizes, sizes, found.scalars["seeds"])
        np.testing.assert_allclose(found.arrays[score].mean(axis=2).ravel(), rows["test"])
        assert found.scalars[f"{table}_none_smallest_test"] == rows["test"][0]


def test_with_one_seed_the_intervals_are_those_of_the_metrics() -> None:
    random = np.random.default_rng(0)
    y, first, second = random.integers(0, 3, (3, 400))
    ours = macro_f1_over_seeds(y, first[None], second[None])
    theirs = macro_f1_gain(y, first, second)
    assert ours.value == pytest.approx(theirs.value)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)
    squared, dates = random.exponential(size=(2, 1, 400)), np.arange(400) // 8
    _, drawn = resampled_means(squared, dates)
    skill = skill_interval(squared[1, 0], squared[0, 0], dates)
    limits = np.quantile(1 - drawn[:, 1] / drawn[:, 0], [0.025, 0.975])
    assert tuple(limits) == pytest.approx((skill.low, skill.high), abs=0.03)


def test_seeds_that_disagree_widen_the_interval() -> None:
    values = np.ones((1, 4, 100)) * np.array([0.0, 1.0, 2.0, 3.0])[None, :, None]
    means, drawn = resampled_means(values, np.arange(100))
    assert means[0] == 1.5
    assert np.ptp(drawn[:, 0]) > 1


def test_the_verdict_counts_intervals_on_either_side_of_zero() -> None:
    gains = {"none": (0.0, 0.0, 0.0), "good": (0.2, 0.1, 0.3), "bad": (-0.2, -0.3, -0.1), "open": (0.0, -0.1, 0.1)}
    table = [{"name": name, "gain": g, "gain_low": low, "gain_high": high} for name, (g, low, high) in gains.items()]
    found = technique_scalars(table, ("gain",))
    assert (found["techniques"], found["above"], found["below"]) == (3, 1, 1)
    assert (found["helps"], found["hurts"], found["best"]) == ("good", "bad", "good")


def test_names_of_techniques_are_unique() -> None:
    spec = RegressionSpec()
    names = [kind.name for kind in techniques(spec.strengths)]
    assert len(names) == len(set(names)) and names[0] == "none"


def test_the_cost_counts_each_weight_three_times_a_row() -> None:
    class Network:
        hidden, n_features_in_, history_ = (8,), 4, pd.DataFrame({"train_loss": [1.0, 0.5]})

    found = epochs_and_cost([Network()], 1_000, 2)  # type: ignore[list-item]
    assert found == {"epochs": 2.0, "cost": pytest.approx(3 * (4 * 8 + 8 * 2) * 1_000 * 2 / 1e9)}
