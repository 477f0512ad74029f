"""The regression experiments on the quick profile: the names that tools read, and what must be true of the numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labcode.data.prices import load_prices
from labcode.experiments import catalog
from labcode.experiments.price_rows import baseline_predictions, random_split, sound_split
from labcode.experiments.recipes import STEPS
from labcode.experiments.regression_sound import CANDIDATES

EPOCHS = (0, 10, 20, 30, 40, 49)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCODE_STORE_DIR", str(tmp_path_factory.mktemp("store")))
        patch.setenv("LABCODE_PROFILE", "quick")
        patch.delenv("LABCODE_DATA_DIR", raising=False)
        return {result.experiment: result for result in catalog.run(["regression/*"])}


def test_the_fixed_names_of_scalars_are_there(results: dict) -> None:
    names = {
        "regression/as-submitted": [f"{kind}_mse_epoch_{epoch}" for kind in ("train", "test") for epoch in EPOCHS],
        "regression/baselines": [
            f"{name}_rmse{suffix}" for name in ("mean", "midpoint", "ols") for suffix in ("", "_random")
        ],
        "regression/sound": ["rmse", "rmse_low", "rmse_high", "r2"]
        + [f"skill_vs_{name}{end}" for name in ("ols", "midpoint") for end in ("", "_low", "_high")],
    }
    for experiment, expected in names.items():
        assert set(expected) <= set(results[experiment].scalars)


def test_the_networks_losses_are_those_of_its_curves(results: dict) -> None:
    submitted = results["regression/as-submitted"]
    curves = submitted.arrays["curves"]
    assert submitted.scalars["test_mse_epoch_10"] == pytest.approx(curves[:, 10, 1].mean())
    assert (np.diff(curves[:, :, 0]) < 0).all(), "each full step lowers the training loss"


def test_the_broadcast_learns_the_mean_and_nothing_else(results: dict) -> None:
    found = results["regression/broadcast"].scalars
    assert found["errors_broadcast"] == found["rows"] ** 2
    assert abs(found["slope_broadcast"]) < 1e-3
    assert found["mse_broadcast"] == pytest.approx(found["variance"], rel=1e-3)
    assert found["slope_aligned"] == pytest.approx(3, abs=0.1)
    assert found["mse_aligned"] < 0.1 * found["variance"]


def test_the_steps_are_all_measured_and_the_last_is_far_below_the_first(results: dict) -> None:
    steps = results["regression/steps"].frame("steps").set_index("step")
    assert list(steps.index) == list(STEPS)
    assert steps.loc["position in the range", "rmse"] < 0.02 * steps.loc["as submitted", "rmse"]


def test_the_sound_network_is_the_one_that_the_folds_chose(results: dict) -> None:
    table = results["regression/selection"].frame("candidates").set_index("candidate")
    winner = results["regression/selection"].scalars["winner"]
    assert set(table.index) == set(CANDIDATES)
    assert table["value"].idxmax() == winner == results["regression/sound"].scalars["network"]


def test_scores_are_consistent_with_each_other(results: dict) -> None:
    sound = results["regression/sound"].scalars
    base = results["regression/baselines"].scalars
    assert sound["skill_vs_ols"] == pytest.approx(1 - sound["rmse"] ** 2 / base["ols_rmse"] ** 2)
    assert sound["skill_vs_midpoint"] == pytest.approx(1 - sound["rmse"] ** 2 / base["midpoint_rmse"] ** 2)
    for name in ("rmse", "skill_vs_ols", "skill_vs_midpoint"):
        assert sound[f"{name}_low"] < sound[name] < sound[f"{name}_high"]
    assert results["regression/sound"].meta["device"]


def test_persistence_is_hard_to_beat(results: dict) -> None:
    forecast = results["regression/next-day"].scalars
    assert forecast["persistence_r2"] > 0.99
    assert forecast["return_r2"] < 0.02, "a network that explains more of tomorrow's return has seen it"


def test_the_real_rows_give_the_known_baselines(real_data: Path) -> None:
    frame = load_prices().frame
    for split, ols, midpoint in ((sound_split(frame), 0.804, 0.978), (random_split(frame), 0.640, 0.788)):
        found = {name: predicted - split.y_test for name, predicted in baseline_predictions(split).items()}
        assert np.sqrt((found["ols"] ** 2).mean()) == pytest.approx(ols, abs=2e-3)
        assert np.sqrt((found["midpoint"] ** 2).mean()) == pytest.approx(midpoint, abs=2e-3)
