"""The regression's experiments on the quick profile: what must be true of the numbers, whatever the rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labcode.data.prices import load_prices
from labcode.lab import load
from labcode.lab.regression.baselines import rmse, without_network
from labcode.lab.regression.results import AsSubmitted, Baselines, Choice, Limit, NextDay, Sound, Steps
from labcode.lab.regression.sound import CANDIDATES
from labcode.lab.regression.split import split_by_date

pytestmark = pytest.mark.usefixtures("quick_store")


def test_our_first_version_by_both_loops() -> None:
    first = load(AsSubmitted)
    assert first.curves.shape == (first.seeds, 50, 4) and max(first.inside) <= first.seeds
    assert first.test_mse_epoch[10].value == pytest.approx(first.curves[:, 10, 1].mean())
    assert first.largest_difference < 1e-3
    variance = first.curves[..., :2] / (1 - first.curves[..., 2:])
    np.testing.assert_allclose(variance, np.broadcast_to(variance[0, 0], variance.shape), rtol=1e-6)
    low, high = first.curves[:, 49, 1].min(), first.curves[:, 49, 1].max()
    assert low <= first.test_mse_epoch[49].low and first.test_mse_epoch[49].high <= high


def test_the_best_baseline_is_the_one_with_the_least_error() -> None:
    base = load(Baselines)
    assert base.best == min(base.models, key=lambda name: base.models[name].rmse.value)
    for name in ("ols", "trees"):
        squared = getattr(base, f"squared_{name}")
        assert np.sqrt(squared.mean(dtype=np.float64)) == pytest.approx(base.models[name].rmse.value, rel=1e-5)


def test_the_folds_choose_the_candidate_with_the_highest_skill() -> None:
    choice = load(Choice)
    assert set(choice.candidates) == set(CANDIDATES)
    assert choice.winner == max(CANDIDATES, key=lambda name: choice.candidates[name].skill.value)
    assert choice.candidates[choice.winner].winner_over == 0
    assert choice.winner == load(Sound).network


def test_the_last_step_is_far_below_the_first() -> None:
    steps = load(Steps).ladder
    assert next(iter(steps)) == "as submitted" and list(steps)[-1] == "position in the range"
    assert steps["position in the range"].rmse < 0.02 * steps["as submitted"].rmse
    assert steps["as submitted"].updates == 50


def test_scores_are_consistent_with_each_other() -> None:
    sound, base = load(Sound), load(Baselines)
    for name in ("ols", "midpoint", "mean", "trees"):
        skill = getattr(sound, f"skill_vs_{name}")
        assert skill.value == pytest.approx(1 - sound.rmse**2 / base.models[name].rmse ** 2, abs=1e-4)
        assert skill.low < skill < skill.high
    assert sound.rmse.value == pytest.approx(sound.rmse_two_way.value) == sound.rmse_symbols.value
    assert sound.skill_vs_ols.value == pytest.approx(sound.skill_vs_ols_two_way.value)
    assert sound.rmse_two_way.low < sound.rmse.low < sound.rmse < sound.rmse.high < sound.rmse_two_way.high
    assert sound.midpoint_r2 < sound.r2
    assert (np.abs(sound.response) <= 1).all()


def test_persistence_is_hard_to_beat_and_a_random_day_is_guessed_no_better_than_it_can_be() -> None:
    forecast, limit = load(NextDay), load(Limit)
    assert forecast.persistence_r2 > 0.99
    assert forecast.return_r2 < 0.02, "a network that explains more of tomorrow's return has seen it"
    assert limit.brownian_volatility < limit.brownian_open
    assert limit.brownian_open.value == pytest.approx(0.272, abs=0.008)


def test_the_real_rows_give_the_known_baselines(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABCODE_PROFILE")
    train, test = split_by_date(load_prices().frame)
    predicted = without_network(train, test)
    assert rmse(predicted["ols"], test["close"]) == pytest.approx(0.804, abs=2e-3)
    assert rmse(predicted["midpoint"], test["close"]) == pytest.approx(0.978, abs=2e-3)
