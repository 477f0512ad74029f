"""The regression's experiments on the quick profile: names that tools read, and what must be true of the numbers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labcode.data.prices import load_prices
from labcode.lab.config import configured
from labcode.lab.regression import settings
from labcode.lab.regression.baselines import rmse, without_network
from labcode.lab.regression.candidates import CANDIDATES
from labcode.lab.regression.results import (
    PRINTED_EPOCHS,
    AsSubmitted,
    Baselines,
    Choice,
    Limit,
    NextDay,
    Sound,
    Steps,
)
from labcode.lab.regression.split import split_by_date
from labcode.lab.regression.views import ladder
from labcode.results import run as catalog
from labcode.results.store import Result
from labcode.results.typed import Results, flatten, impossible, numbers, unflatten

KINDS = (AsSubmitted, Baselines, Choice, Steps, Sound, Limit, NextDay)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCODE_STORE_DIR", str(tmp_path_factory.mktemp("store")))
        patch.setenv("LABCODE_PROFILE", "quick")
        patch.delenv("LABCODE_DATA_DIR", raising=False)
        return {result.experiment: result for result in catalog.run(["regression/*"])}


@pytest.fixture
def results(stored: dict[str, Result]) -> dict[type[Results], Any]:
    return {kind: catalog.typed(kind, stored[kind.experiment]) for kind in KINDS}


def test_every_experiment_has_its_kind_of_result(stored: dict[str, Result]) -> None:
    assert set(stored) == {kind.experiment for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_results_come_back_from_the_store_as_they_were(kind: type[Results], results: dict[type[Results], Any]) -> None:
    before = results[kind]
    flat = flatten(before)
    after = unflatten(kind, flat.scalars, flat.tables, flat.arrays, before.origin)
    assert repr(dict(numbers(after))) == repr(dict(numbers(before)))
    assert [field.name for field in dataclasses.fields(after)] == [field.name for field in dataclasses.fields(before)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_says_what_it_is_and_is_possible(kind: type[Results], results: dict[type[Results], Any]) -> None:
    found = dict(numbers(results[kind]))
    assert found
    assert {path: impossible(number) for path, number in found.items() if impossible(number)} == {}
    assert [path for path, number in found.items() if not number.quantity.says] == []


def test_the_fixed_names_of_scalars_are_there(stored: dict[str, Result]) -> None:
    names = {
        "regression/as-submitted": ["seeds", "mean_mse"]
        + [f"{rows}_mse_epoch_{epoch}{end}" for rows in ("train", "test") for epoch in PRINTED_EPOCHS for end in ENDS],
        "regression/baselines": ["ols_raw_rank", "midpoint_rmse_train"]
        + [f"{name}_rmse{suffix}{end}" for name in SIMPLE for suffix in ("", "_random") for end in ENDS],
        "regression/selection": ["winner", "drift", "drift_low", "drift_high"],
        "regression/steps": ["as submitted", "target scaled", "mini-batches", "position in the range"],
        "regression/sound": ["r2", "percent", "median_error", "seeds", "network", "test_rows", "test_dates"]
        + [f"{name}{end}" for name in ("rmse", *SKILLS) for end in ENDS],
        "regression/next-day": ["persistence_rmse", "persistence_r2", "level_rmse", "return_rmse", "rising"]
        + [f"{name}{end}" for name in ("level_skill", "return_skill", "return_r2", "direction") for end in ENDS],
    }
    for experiment, expected in names.items():
        assert set(expected) - set(stored[experiment].scalars) == set(), experiment


ENDS = ("", "_low", "_high")
SIMPLE = ("zero", "mean", "open", "midpoint", "ols", "ols_raw", "ridge")
SKILLS = ("skill_vs_ols", "skill_vs_midpoint", "skill_vs_mean", "over_plain_0", "over_plain_1")


def test_our_first_version_by_both_loops(results: dict[type[Results], Any]) -> None:
    first = results[AsSubmitted]
    spec = configured(settings.First, "regression.first", profile="quick")
    assert first.curves.shape == (spec.seeds, spec.epochs, 4)
    assert first.test_mse_epoch[10].value == pytest.approx(first.curves[:, 10, 1].mean())
    assert first.largest_difference < 1e-3
    np.testing.assert_allclose(first.plain_curve, first.curves[0, :, :2], rtol=1e-3)
    variance = first.curves[..., :2] / (1 - first.curves[..., 2:])
    np.testing.assert_allclose(variance, np.broadcast_to(variance[0, 0], variance.shape), rtol=1e-6)
    assert max(first.inside) <= spec.seeds
    low, high = first.curves[:, 49, 1].min(), first.curves[:, 49, 1].max()
    assert low <= first.test_mse_epoch[49].low and first.test_mse_epoch[49].high <= high


def test_the_best_baseline_is_the_one_with_the_least_error(results: dict[type[Results], Any]) -> None:
    base = results[Baselines]
    assert base.best == min(base.models, key=lambda name: base.models[name].rmse.value)
    for name in ("ols", "trees", "trees_raw"):
        squared = getattr(base, f"squared_{name}")
        assert np.sqrt(squared.mean(dtype=np.float64)) == pytest.approx(base.models[name].rmse.value, rel=1e-5)


def test_the_folds_choose_the_candidate_with_the_highest_skill(results: dict[type[Results], Any]) -> None:
    choice = results[Choice]
    assert set(choice.candidates) == set(CANDIDATES)
    assert choice.winner == max(CANDIDATES, key=lambda name: choice.candidates[name].skill.value)
    assert choice.candidates[choice.winner].winner_over == 0
    assert choice.winner == results[Sound].network


def test_the_steps_are_all_measured_and_the_last_is_far_below_the_first(results: dict[type[Results], Any]) -> None:
    steps = results[Steps].ladder
    first = configured(settings.First, "regression.first", profile="quick")
    network = configured(settings.Network, "regression.network", profile="quick")
    assert list(steps) == list(ladder(first, network))
    assert steps["position in the range"].rmse < 0.02 * steps["as submitted"].rmse
    assert steps["as submitted"].updates == first.epochs


def test_scores_are_consistent_with_each_other(results: dict[type[Results], Any]) -> None:
    sound, base = results[Sound], results[Baselines]
    for name in ("ols", "midpoint", "mean", "trees", "trees_raw"):
        skill = getattr(sound, f"skill_vs_{name}")
        assert skill.value == pytest.approx(1 - sound.rmse**2 / base.models[name].rmse ** 2, abs=1e-4)
        assert skill.low < skill < skill.high
    assert sound.rmse.value == pytest.approx(sound.rmse_two_way.value) == sound.rmse_symbols.value
    assert sound.skill_vs_ols.value == pytest.approx(sound.skill_vs_ols_two_way.value)
    assert sound.rmse_two_way.low < sound.rmse.low < sound.rmse < sound.rmse.high < sound.rmse_two_way.high
    assert 0 < sound.top_symbol_share <= sound.top_five_share <= 1
    assert sound.midpoint_r2 < sound.r2
    assert (np.abs(sound.response) <= 1).all()


def test_persistence_is_hard_to_beat(results: dict[type[Results], Any]) -> None:
    forecast = results[NextDay]
    assert forecast.persistence_r2 > 0.99
    assert forecast.return_r2 < 0.02, "a network that explains more of tomorrow's return has seen it"


def test_a_random_day_is_guessed_no_better_than_it_can_be(results: dict[type[Results], Any]) -> None:
    limit = results[Limit]
    assert limit.brownian_volatility < limit.brownian_open < limit.brownian_midpoint
    assert limit.brownian_midpoint.value == pytest.approx(0.309, abs=0.006)
    assert limit.brownian_open.value == pytest.approx(0.272, abs=0.008)


def test_the_real_rows_give_the_known_baselines(real_data: Path) -> None:
    train, test = split_by_date(load_prices().frame)
    found = without_network(train, test)
    assert rmse(found["ols"], test["close"]) == pytest.approx(0.804, abs=2e-3)
    assert rmse(found["midpoint"], test["close"]) == pytest.approx(0.978, abs=2e-3)
