"""What one who knows the rules expects, how that becomes a decision, and what float64 noise tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labcode.data.columns import FAILURE, QUALITY, SENSORS
from labcode.data.maintenance import load_maintenance
from labcode.data.simulate_maintenance import simulate_maintenance
from labcode.lab.classification import ceiling as known
from labcode.lab.classification.ceiling import MOST_PROBABLE, PUBLISHED, STAND_IN, WEAR, decide, true_probabilities
from labcode.lab.classification.classes import CLASSES, NORMAL, RANDOM
from labcode.lab.classification.sound_results import Ceiling
from labcode.lab.classification.tables import ceilings
from labcode.results.typed import Results
from labcode.scoring.scores import macro_f1

HEAT, OVERSTRAIN, POWER, TOOL_WEAR = (
    list(CLASSES.values()).index(slug) for slug in ("heat_dissipation", "overstrain", "power", "tool_wear")
)


def machines(**changed: object) -> pd.DataFrame:
    """A row in which nothing fails but by chance, with some values changed."""
    row = {QUALITY: "L", **dict(zip(SENSORS, (300.0, 310.0, 1500, 40.0, 100), strict=True))}
    return pd.DataFrame(row | changed, index=[0])


def test_a_tool_ends_between_200_and_240_min_at_any_wear_alike() -> None:
    rows = pd.concat([machines(**{WEAR: wear}) for wear in (100, 198, 199, 220, 238, 253)])
    ends = known.tool_ends(rows, PUBLISHED.life)
    np.testing.assert_allclose(ends, [0, 0, 1 / 40, 2 / 20, 1, 1])
    assert known.tool_ends(machines(**{QUALITY: "H", WEAR: 220}), PUBLISHED.life) == pytest.approx(5 / 20)


@pytest.mark.parametrize(
    ("changed", "label", "probability"),
    [
        ({}, NORMAL, 0.999),
        ({}, RANDOM, 0.001),
        ({SENSORS[3]: 70.0}, POWER, 1.0),  # before all others, worn tools included
        ({SENSORS[3]: 70.0, WEAR: 238}, POWER, 1.0),
        ({SENSORS[3]: 55.0, WEAR: 238}, TOOL_WEAR, 51 / 120),  # before overstrain
        ({SENSORS[3]: 55.0, WEAR: 238}, OVERSTRAIN, 69 / 120),
        ({SENSORS[1]: 308.0, SENSORS[2]: 1300}, HEAT, 1.0),
    ],
)
def test_of_several_failures_the_first_gives_the_label(
    changed: dict[str, object], label: int, probability: float
) -> None:
    found = true_probabilities(machines(**changed), PUBLISHED)[0]
    assert found[label] == pytest.approx(probability)
    assert found.sum() == pytest.approx(1)


def test_no_label_is_read() -> None:
    table = simulate_maintenance(2_000)
    np.testing.assert_array_equal(
        true_probabilities(table, PUBLISHED), true_probabilities(table.drop(columns=[FAILURE, "Target"]), PUBLISHED)
    )


def test_the_best_decision_is_no_worse_than_any_threshold_for_tool_wear() -> None:
    table = pd.concat([simulate_maintenance(10_000, seed) for seed in range(3)])
    p = true_probabilities(table, STAND_IN)

    def expected(named: np.ndarray) -> float:
        cells = np.stack([p[named == k].sum(axis=0) for k in range(len(CLASSES))], axis=1)
        return float(macro_f1(cells))

    best = expected(decide(p, known.best_weights(p)))
    most_probable = decide(p, MOST_PROBABLE)
    others = np.delete(p, TOOL_WEAR, axis=1).argmax(axis=1)
    others += others >= TOOL_WEAR
    tried = [expected(np.where(p[:, TOOL_WEAR] > bar, TOOL_WEAR, others)) for bar in np.linspace(0.01, 0.5, 50)]
    assert best > expected(most_probable) + 0.02 and (most_probable != RANDOM).all()
    assert best >= max(tried) - 1e-4


def test_what_the_next_row_tells_is_whether_the_tool_was_replaced() -> None:
    rows = pd.concat([machines(**{WEAR: wear}) for wear in (0, 2, 214, 0, 2)])
    assert known.known_ends(rows).tolist() == [0, 0, 1, 0, 0]


def test_noise_of_float64_tells_apart_what_is_printed_alike() -> None:
    slow = {SENSORS[2]: 1300}
    pairs = ({SENSORS[0]: 302.4, SENSORS[1]: 311.0}, {SENSORS[0]: 298.4, SENSORS[1]: 307.0})
    rows = pd.concat([machines(**slow, **pair) for pair in pairs])
    assert known.on_the_edge(rows).all()
    assert not known.on_the_edge(rows.assign(**{SENSORS[2]: 1400})).any()
    assert (known.temperature_difference(rows, "printed") == 8.6).all()
    exact = known.temperature_difference(rows)
    assert len(np.unique(known.temperature_difference(rows, "float64_as_float32"))) == 1
    np.testing.assert_array_equal(true_probabilities(rows, PUBLISHED)[:, HEAT] > 0.5, exact < 8.6)
    assert 0.2 < known.below_by_noise() < 0.8
    np.testing.assert_allclose(known.heat_as_printed(rows), known.below_by_noise())


def test_knowing_more_is_worth_more_on_simulated_tables(results: dict[type[Results], Any]) -> None:
    ceiling: Ceiling = results[Ceiling]
    scores = ceiling.simulated
    assert scores["most_probable_printed"] < scores["most_probable"] < scores["best"] < scores["row_order"]
    assert scores["best_printed"] < scores["best"]
    assert ceiling.edge_right["float64"] == ceiling.edge_rows >= ceiling.edge_right["float32"]
    assert ceiling.gain_of_deciding.value == pytest.approx(ceiling.best.macro_f1 - ceiling.most_probable.macro_f1)
    assert ceiling.artefact_best.value == pytest.approx(ceiling.best.macro_f1 - ceiling.best_printed.macro_f1)


def test_fewer_rows_are_allowed_more(results: dict[type[Results], Any]) -> None:
    ceiling: Ceiling = results[Ceiling]
    large, small = max(ceiling.leak_bound), min(ceiling.leak_bound)
    assert ceiling.bound(10 * large) == ceiling.leak_bound[large] >= ceiling.simulated["best"].high
    assert ceiling.bound(large - 1) == ceiling.bound(1) == ceiling.leak_bound[small]
    assert len(ceilings(ceiling)) == len(ceiling.simulated)


def test_the_real_rows_give_the_known_edge(real_data: Path) -> None:
    rows = load_maintenance().frame
    edge = known.on_the_edge(rows)
    heat = (rows[FAILURE].astype(str) == "Heat Dissipation Failure")[edge]
    assert (edge.sum(), heat.sum()) == (27, 12)
    differences = [known.temperature_difference(rows[edge], name) for name in ("float64", "printed")]
    assert [known.most_right(values, heat) for values in differences] == [27, 15]
