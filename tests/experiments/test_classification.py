"""The classification experiments on the quick profile: the names that tools read, and what must be true of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labcode import confusion
from labcode.data.maintenance import load_maintenance
from labcode.errors import LabcodeError
from labcode.experiments import catalog
from labcode.experiments.classification import SoundSpec
from labcode.experiments.classification_balancing import BalancingSpec
from labcode.experiments.classification_baselines import BaselinesSpec
from labcode.experiments.classification_tried import TriedSpec
from labcode.experiments.classification_workshop import WorkshopSpec, cost
from labcode.experiments.failure_rows import LEAK_BOUND, refuse_leak
from labcode.experiments.recipes import CHOSEN, ENSEMBLE
from labcode.lab.classification.classes import CLASSES, NORMAL
from labcode.lab.classification.planes import HELD, PLANES
from labcode.metrics import macro_f1
from labcode.protocols import maintenance_as_submitted

EPOCHS = (0, 10, 20, 30, 40, 49)
SLUGS = list(CLASSES.values())
ENDS = ("", "_low", "_high")
RIVALS = ("forest", "forest_smote", "forest_weighted", "forest_raw", "boosting", "boosting_raw", "logistic", "majority")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCODE_STORE_DIR", str(tmp_path_factory.mktemp("store")))
        patch.setenv("LABCODE_PROFILE", "quick")
        patch.delenv("LABCODE_DATA_DIR", raising=False)
        return {result.experiment: result for result in catalog.run(["classification/*"])}


def test_the_fixed_names_of_scalars_are_there(results: dict) -> None:
    names = {
        "classification/as-submitted": ["accuracy", "macro_f1", "regularised_accuracy"]
        + [f"support_{k}" for k in range(6)]
        + [f"{kind}_epoch_{epoch}" for kind in ("train_loss", "test_accuracy") for epoch in EPOCHS],
        "classification/baselines": ["majority_accuracy", "forest_macro_f1", "boosting_macro_f1", "logistic_macro_f1"],
        "classification/sound": ["accuracy", "balanced_accuracy", "mcc"]
        + [f"{name}{end}" for name in ("macro_f1", "macro_f1_without_random") for end in ENDS]
        + [f"{score}_{slug}{end}" for score in ("recall", "f1") for slug in SLUGS for end in ENDS]
        + [f"gain_over_{rival}{part}{end}" for rival in RIVALS for part in ("", "_without_random") for end in ENDS],
        "classification/leakage": [
            f"{name}{end}" for name in ("with_target", "smote_before_split", "both") for end in ENDS
        ],
        "classification/balancing": [f"{name}_macro_f1" for name in ("nothing", "weights", "smote", "prior_shift")],
        "classification/tried": [CHOSEN, ENSEMBLE, "best"],
        "classification/workshop": ["expected_cost_25_cost", "argmax_25_saved_low", "agreement_wear_torque"],
    }
    for experiment, expected in names.items():
        assert set(expected) <= set(results[experiment].scalars), experiment


def test_the_submitted_curves_and_counts_are_what_the_scalars_say(results: dict) -> None:
    submitted = results["classification/as-submitted"]
    for kind, prefix in (("plain", ""), ("regularised", "regularised_")):
        curves, counts = submitted.arrays[f"curves_{kind}"], submitted.arrays[f"confusion_{kind}_test"]
        assert curves.shape[1:] == (50, 4)
        assert submitted.scalars[f"{prefix}train_loss_epoch_10"] == pytest.approx(curves[:, 10, 0].mean())
        assert submitted.scalars[f"{prefix}accuracy"] == pytest.approx(curves[:, -1, 3].mean())
        assert submitted.scalars[f"{prefix}macro_f1"] == pytest.approx(macro_f1(counts).mean())
        assert counts.sum(axis=2)[0].tolist() == [submitted.scalars[f"support_{k}"] for k in range(6)]


def test_every_row_is_predicted_once_a_repeat_by_all_models_on_the_same_folds(results: dict) -> None:
    base, sound = results["classification/baselines"], results["classification/sound"]
    assert (base.meta["spec"]["folds"], base.meta["spec"]["repeats"]) == (
        sound.meta["spec"]["folds"],
        sound.meta["spec"]["repeats"],
    )
    np.testing.assert_array_equal(base.arrays["y"], sound.arrays["y"])
    for row in base.tables["baselines"]:
        assert base.arrays[row["model"]].shape == sound.arrays["probabilities"].shape[:2]
    assert (BaselinesSpec().folds, BaselinesSpec().repeats) == (SoundSpec().folds, SoundSpec().repeats)


def test_sound_scalars_are_those_of_the_counts_and_of_the_probabilities(results: dict) -> None:
    sound = results["classification/sound"]
    counts, given = sound.arrays["confusion"], sound.arrays["probabilities"]
    y, predicted = sound.arrays["y"], given.argmax(axis=-1)
    assert counts[0, NORMAL, NORMAL] == ((predicted[0] == NORMAL) & (y == NORMAL)).sum()
    assert sound.scalars["macro_f1"] == pytest.approx(macro_f1(counts).mean())
    assert sound.scalars["accuracy"] == pytest.approx((predicted == y).mean())
    for k, slug in enumerate(SLUGS):
        assert sound.scalars[f"f1_{slug}"] == pytest.approx(confusion.f1_scores(counts)[:, k].mean())
    np.testing.assert_allclose(given.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(sound.arrays["probabilities_without_weights"].sum(axis=-1), 1, atol=1e-5)
    scores = sound.frame("scores").set_index("score")
    assert scores.loc["f1_macro", "test"] == pytest.approx(sound.scalars["test_macro_f1"])
    assert {"train", "test", "out_of_fold", "fresh"} <= set(scores.columns)


def test_gains_are_differences_of_the_scores(results: dict) -> None:
    base, sound = results["classification/baselines"].scalars, results["classification/sound"].scalars
    for rival in RIVALS:
        for part in ("", "_without_random"):
            gain = sound[f"macro_f1{part}"] - base[f"{rival}_macro_f1{part}"]
            assert sound[f"gain_over_{rival}{part}"] == pytest.approx(gain)
            assert sound[f"gain_over_{rival}{part}_low"] <= gain <= sound[f"gain_over_{rival}{part}_high"]


def test_the_majority_finds_no_failure(results: dict) -> None:
    base = results["classification/baselines"]
    share = (base.arrays["y"] == NORMAL).mean()
    assert base.scalars["majority_accuracy"] == pytest.approx(share)
    assert base.scalars["majority_macro_f1"] == pytest.approx(2 * share / (1 + share) / 6)


def test_no_model_is_better_than_an_honest_one_can_be(results: dict) -> None:
    honest = [value for name, value in results["classification/baselines"].scalars.items() if name.endswith("macro_f1")]
    honest += [results["classification/sound"].scalars[name] for name in ("macro_f1", "test_macro_f1")]
    honest += [row["macro_f1"] for row in results["classification/tried"].tables["variants"]]
    honest += [row["macro_f1"] for row in results["classification/balancing"].tables["methods"]]
    assert max(honest) <= LEAK_BOUND
    seen = np.diag([112.0, 9652.0, 78.0, 95.0, 18.0, 45.0])
    with pytest.raises(LabcodeError, match="leaked"):
        refuse_leak(float(macro_f1(seen)), "a model that has seen the label")


def test_all_ways_of_balancing_are_scored_on_the_same_rows(results: dict) -> None:
    found = results["classification/balancing"]
    table = found.frame("methods").set_index("method")
    assert len(table) == 9 and table.loc["nothing", "gain"] == 0
    assert found.arrays["failure_probability"].shape == (9, found.meta["spec"]["seeds"], len(found.arrays["y"]))
    for place, name in enumerate(table.index):
        own = confusion.Confusions.of(found.arrays["y"], found.arrays["predicted"][place], 6, draws=2)
        assert table.loc[name, "macro_f1"] == pytest.approx(macro_f1(own.counts).mean())
    assert table.loc["smote", "expected_failures"] > table.loc["nothing", "expected_failures"]
    assert BalancingSpec().folds == SoundSpec().folds


def test_what_was_tried_stands_beside_the_ensemble(results: dict) -> None:
    table = results["classification/tried"].frame("variants").set_index("variant")
    assert len(table) >= 10 and table.index[-1] == ENSEMBLE
    assert table.loc[CHOSEN, "gain"] == 0
    sound = results["classification/sound"]
    assert table.loc[ENSEMBLE, "macro_f1"] == pytest.approx(macro_f1(sound.arrays["confusion"][0]))
    assert TriedSpec().folds == SoundSpec().folds


def test_costs_of_the_constant_policies_are_arithmetic(results: dict) -> None:
    workshop = results["classification/workshop"]
    failures, ratios = workshop.scalars["failures"], workshop.arrays["ratios"]
    np.testing.assert_allclose(workshop.arrays["cost_never"], 1000 * failures * ratios)
    np.testing.assert_allclose(workshop.arrays["cost_always"], 1000 * (1 - failures))
    assert workshop.scalars["never_25_cost"] == pytest.approx(25_000 * failures)
    for name in ("argmax", "forest", "never", "always"):
        saved = workshop.scalars[f"{name}_25_cost"] - workshop.scalars["expected_cost_25_cost"]
        assert workshop.scalars[f"{name}_25_saved"] == pytest.approx(saved)
    assert cost(np.array([True, False]), np.array([True, True]), 5.0) == 500


def test_the_forest_gets_the_threshold_of_the_network(results: dict) -> None:
    workshop, rivals = results["classification/workshop"], results["classification/baselines"]
    chance, failed = workshop.arrays["forest_failure_probability"], rivals.arrays["y"] != NORMAL
    stops = chance > 1 / 26
    by_hand = np.mean([cost(failed, each, 25.0) for each in stops])
    assert workshop.scalars["forest_25_cost"] == pytest.approx(by_hand)
    assert np.mean((chance > 0.5) == (rivals.arrays["forest"] != NORMAL)) > 0.98


def test_shuffling_an_input_moves_rows_but_loses_none(results: dict) -> None:
    workshop, y = results["classification/workshop"], results["classification/baselines"].arrays["y"]
    shuffled = workshop.arrays["shuffled"]
    assert shuffled.shape == (7, len(CLASSES), len(CLASSES))
    np.testing.assert_allclose(shuffled.sum(axis=2), np.tile(np.bincount(y, minlength=len(CLASSES)), (7, 1)))
    assert np.abs(shuffled[1:] - shuffled[0]).max() > 0


def test_planes_and_importances_are_complete(results: dict) -> None:
    workshop = results["classification/workshop"]
    for name in PLANES:
        shape = (len(workshop.arrays[f"{name}_y"]), len(workshop.arrays[f"{name}_x"]))
        assert workshop.arrays[f"{name}_learned"].shape == workshop.arrays[f"{name}_rule"].shape == shape
    for name, sensor in HELD.items():
        slices, levels = workshop.arrays[f"{name}_slices"], workshop.arrays[f"{name}_levels"]
        x, y = workshop.arrays[f"{name}_slice_x"], workshop.arrays[f"{name}_slice_y"]
        assert slices.shape == (3, len(levels), len(y), len(x)) and slices.dtype == np.uint8
        assert slices.max() < len(CLASSES) and sensor not in PLANES[name]
    rules = {name: set(np.unique(workshop.arrays[f"{name}_rule"])) for name in PLANES}
    slug = {name: k for k, name in enumerate(SLUGS)}
    assert rules["torque_speed"] >= {slug["power"], NORMAL}
    assert slug["overstrain"] in rules["wear_torque"] and slug["heat_dissipation"] in rules["temperatures"]
    table = workshop.frame("importance")
    assert len(table) == 6 * len(CLASSES) and table["f1_drop"].notna().all()
    assert WorkshopSpec().folds == SoundSpec().folds


def test_the_real_rows_give_the_originals_support(real_data: Path) -> None:
    split = maintenance_as_submitted(load_maintenance().frame)
    assert np.bincount(split.y_test).tolist() == [1881, 1962, 1933, 1957, 1916, 1934]
