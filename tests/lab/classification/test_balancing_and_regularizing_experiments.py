"""Both experiments on the quick profile: what comes back from the store, and what must be true of the numbers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from labcode.data.simulate import simulate_maintenance
from labcode.lab.classification.balancing import methods
from labcode.lab.classification.balancing_experiments import _prepared, _spec, _thresholds
from labcode.lab.classification.balancing_results import EqualAlarms
from labcode.lab.classification.figures import by_epoch, found_against_needless
from labcode.lab.classification.regularizing_results import HeldBack
from labcode.lab.classification.rows import failure_rows
from labcode.lab.classification.settings import HoldingBack
from labcode.lab.classification.tables import TECHNIQUES, WAYS, at_equal_alarms, techniques
from labcode.lab.config import configured
from labcode.results.typed import Results

BALANCING = _spec("quick")
HOLDING_BACK = configured(HoldingBack, "classification.regularizing", profile="quick")


def test_nothing_gains_nothing_over_itself(results: dict[type[Results], Any]) -> None:
    nothing, none = results[EqualAlarms].methods["nothing"], results[HeldBack].techniques["none"]
    gains = nothing.average_precision_gain_joint, nothing.found_at_smote_gain_joint, none.log_loss_gain_joint, none.gain
    for own in gains:
        assert (own.value, own.low, own.high) == (0, 0, 0)


@pytest.mark.parametrize("name", ["weights", "oversampling", "undersampling", "smotenc"])
def test_all_methods_take_about_as_many_steps(name: str) -> None:
    rows = failure_rows(simulate_maintenance(n_rows=3000))
    spec = dataclasses.replace(BALANCING, epochs=24)
    way, places = methods(1, 2.0)[name], np.arange(3000)
    prepared = _prepared(spec, way, rows, places, places[:10], [0, 1])
    steps = [network.max_epochs * -(-len(prepared.X) // network.batch_size) for network in prepared.networks]
    assert steps == pytest.approx([24 * 24] * 2, rel=0.12)


def test_more_needless_stops_find_more_and_curves_say_the_same(results: dict[type[Results], Any]) -> None:
    found = results[EqualAlarms]
    assert (np.diff(found.curves, axis=1) >= 0).all() and found.curves.max() <= found.failures.value
    for own, curve in zip(found.methods.values(), found.curves, strict=True):
        at = list(BALANCING.needless)
        assert [own.found[needless].value for needless in at] == curve[at].tolist()


def test_smote_at_its_own_alarms_is_compared_at_its_own_number(results: dict[type[Results], Any]) -> None:
    found = results[EqualAlarms]
    for name, curve in zip(found.methods, found.curves, strict=True):
        own, needless = found.methods[name], round(found.methods["smote"].called_needless.value)
        assert BALANCING.seeds == 1
        if needless <= BALANCING.longest:
            assert own.found_at_smote.value == curve[needless]
        assert own.found_at_smote_gain_joint.value == own.found_at_smote - found.methods["nothing"].found_at_smote


def test_thresholds_do_not_depend_on_rows_held_out() -> None:
    random = np.random.default_rng(0)
    failed, inside, fit = random.random(400) < 0.2, random.random(400), np.arange(300)
    elsewhere = inside.copy()
    elsewhere[300:] = 1.0
    spec = dataclasses.replace(BALANCING, needless=(0, 20, 1000))
    found = _thresholds(spec, failed, inside, fit)
    np.testing.assert_array_equal(found, _thresholds(spec, failed, elsewhere, fit))
    assert found[0] > found[1] > found[2] == inside[fit][~failed[fit]].min()


def test_strengths_are_among_those_to_choose_from(results: dict[type[Results], Any]) -> None:
    found = results[HeldBack]
    for name, chosen in zip(found.techniques, found.chosen, strict=True):
        if hasattr(HOLDING_BACK, name):
            assert set(chosen) <= set(getattr(HOLDING_BACK, name))
    stops = found.chosen[list(found.techniques).index("stopping")]
    assert ((stops >= 1) & (stops <= HOLDING_BACK.epochs)).all()


def test_the_ends_of_the_curves_are_the_losses(results: dict[type[Results], Any]) -> None:
    found = results[HeldBack]
    assert found.curves.shape == (len(found.techniques), HOLDING_BACK.epochs, 2)
    assert HOLDING_BACK.seeds == 1  # the curves are of the first seed
    for name, curve in zip(found.techniques, found.curves, strict=True):
        if name != "stopping":
            assert curve[-1, 1] == pytest.approx(found.techniques[name].log_loss.value, rel=0.02)
    assert found.least_loss.value <= found.last_loss.value


def test_tables_and_frames_hold_what_was_found(results: dict[type[Results], Any]) -> None:
    alarms, held = results[EqualAlarms], results[HeldBack]
    table = at_equal_alarms(alarms)
    assert len(table) == len(alarms.methods) and table.columns.is_unique
    assert table["way"].iloc[0] == WAYS[alarms.best]
    frame = found_against_needless(alarms)
    smote = frame[frame["way"] == WAYS["smote"]]
    assert smote.set_index("needless")["found"].loc[50] == alarms.methods["smote"].found[50].value
    assert techniques(held)["technique"].iloc[0] in {TECHNIQUES[name] for name in held.techniques}
    losses = by_epoch(held, ["none", "l1"])
    assert losses["log loss"].iloc[0] == held.curves[0, 0, 0]
    assert len(losses) == 4 * HOLDING_BACK.epochs
