"""Each fault changes what it says and nothing else; the sound way learns nothing from rows held out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from labcode.data.columns import SENSORS
from labcode.data.simulate import simulate_maintenance
from labcode.lab.classification.balancing import measured_columns
from labcode.lab.classification.faults import VARIANTS, FaultsSpec, arranged, fold_rows, smote_before_split
from labcode.lab.classification.figures import scores_with_faults
from labcode.lab.classification.first_results import Leakage
from labcode.lab.classification.rows import failure_rows, folds_of
from labcode.lab.classification.tables import FAULTS
from labcode.lab.config import configured
from labcode.results.typed import Results

MACHINES = simulate_maintenance(3000)
ROWS = failure_rows(MACHINES)
X = measured_columns(ROWS.X)
QUICK = configured(FaultsSpec, profile="quick")
FOLDS = folds_of(ROWS.labels, 2)


def test_the_sound_way_learns_nothing_from_rows_held_out() -> None:
    train, held = FOLDS[0]
    spoilt = X.copy()
    spoilt.loc[spoilt.index[held], SENSORS] *= 100.0
    clean, other = (fold_rows(each, ROWS.labels, (train, held), QUICK.smote) for each in (X, spoilt))
    np.testing.assert_array_equal(clean[0], other[0])
    assert not np.array_equal(clean[2], other[2])
    counts = pd.Series(clean[1]).value_counts()
    assert (counts == counts.max()).all()


def test_smote_before_the_split_puts_rows_beside_those_held_out() -> None:
    more, labels, folds = smote_before_split(X, ROWS.labels, FOLDS, QUICK.smote)
    np.testing.assert_allclose(more.iloc[: len(X)], X, rtol=1e-9)
    assert (labels[: len(X)] == ROWS.labels).all()
    for (fit, held), (_, recorded) in zip(folds, FOLDS, strict=True):
        assert set(fit).isdisjoint(held) and len(fit) + len(held) == len(more)
        np.testing.assert_array_equal(held[held < len(X)], recorded)
        assert (fit >= len(X)).any() and (held >= len(X)).any()


def test_each_variant_has_its_faults_alone() -> None:
    made = {name: arranged(QUICK, faults, MACHINES, FOLDS) for name, faults in VARIANTS.items()}
    assert list(VARIANTS) == list(FAULTS)
    for name, own in made.items():
        assert ("Target" in own.X) == ("target" in VARIANTS[name])
        assert (len(own.X) > len(X)) == ("smote" in VARIANTS[name])
        assert (abs(own.X["Torque [Nm]"].mean()) < 1e-9) == ("scaler" in VARIANTS[name])
        assert (own.labels[: len(X)] == ROWS.labels).all()
    train = made["scaler_before_split"].fold_rows(FOLDS[0], QUICK.smote)
    assert len(train[0]) == len(fold_rows(X, ROWS.labels, FOLDS[0], QUICK.smote)[0])


def test_a_gain_is_over_no_fault_and_the_frame_has_every_fault(results: dict[type[Results], Any]) -> None:
    variants = results[Leakage].variants
    for own in variants.values():
        assert own.gain == pytest.approx(own.macro_f1 - variants["sound"].macro_f1)
        assert own.gain_without_random == pytest.approx(own.without_random - variants["sound"].without_random)
    frame = scores_with_faults(results[Leakage])
    assert set(frame["fault"]) == set(FAULTS.values()) and len(frame) == 2 * len(VARIANTS)
