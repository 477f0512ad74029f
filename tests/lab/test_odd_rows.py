"""Odd rows end in one sentence that names what an experiment needs, before anything is trained."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from labcode.data.columns import FAILURE, SENSORS
from labcode.data.simulate import simulate_prices
from labcode.data.simulate_maintenance import simulate_maintenance
from labcode.data.types import Dataset, DatasetName, Provenance
from labcode.errors import RowsError
from labcode.lab.classification.figures import class_counts
from labcode.results.experiments import catalog

PRICES = simulate_prices(n_symbols=4).astype({"symbol": "category"})
DAYS = sorted(PRICES["date"].unique())
SIXTY = PRICES[PRICES["date"] < DAYS[60]]
MACHINES = simulate_maintenance(n_rows=3000)
RAREST = MACHINES[FAILURE].value_counts().index[-1]


def lacks(name: DatasetName, frame: pd.DataFrame) -> dict[str, str]:
    """What each experiment on a data set lacks."""
    provenance = Provenance(name=name, source="file", path=None, rows=len(frame), sha256="", licence="", status="")
    data = {name: Dataset(frame=frame, provenance=provenance)}
    named = {experiment.name: experiment for experiment in catalog().values() if experiment.datasets == (name,)}
    return {name: experiment.lacks(data) for name, experiment in named.items()}


@pytest.mark.parametrize(
    ("frame", "needed", "at_random"),
    [
        (PRICES[PRICES["date"] < DAYS[1]], "at least 30 trading days, but the prices have 1", True),
        (PRICES[PRICES["date"] < DAYS[20]], "at least 30 trading days, but the prices have 20", True),
        (SIXTY.assign(open=9.5, close=10.0, low=9.0, high=11.0), "closes that differ, but all are 10 USD", False),
        (SIXTY.assign(high=SIXTY["low"], low=SIXTY["high"] + 1), "a higher high", True),
        (SIXTY.assign(high=SIXTY["close"], low=SIXTY["close"]), "a higher high", True),
        (pd.concat([SIXTY.iloc[:2]] * 60), "at least 30 trading days, but the prices have 1", True),
    ],
    ids=["one day", "a month", "all closes alike", "all rows odd", "no day with a range", "rows repeated"],
)
def test_an_experiment_says_what_it_needs(frame: pd.DataFrame, needed: str, at_random: bool) -> None:
    for name, lack in lacks("prices", frame).items():
        assert needed in lack or (at_random and "as-submitted" in name and not lack), name


def test_sixty_days_of_one_symbol_are_enough_for_all_but_what_companies_have_in_common() -> None:
    one = lacks("prices", SIXTY[SIXTY["symbol"] == SIXTY["symbol"].iloc[0]])
    assert {name: lack for name, lack in one.items() if lack} == {
        "eda/prices": "at least 2 symbols, but the prices have one"
    }
    assert not any(lacks("prices", SIXTY).values())


@pytest.mark.parametrize(
    ("frame", "needed", "facts"),
    [
        (MACHINES[MACHINES[FAILURE] == "No Failure"], "at least two kinds", "at least two kinds"),
        (MACHINES[MACHINES[FAILURE] != RAREST], f"but there are 0 of {RAREST!r}", ""),
        (MACHINES.groupby(FAILURE).head(5), "at least 12 rows of each failure type", ""),
        (MACHINES.assign(**{SENSORS[0]: 300.0}), "sensors that vary", "sensors that vary"),
    ],
    ids=["one class only", "a class missing", "five rows of each class", "a sensor that stands still"],
)
def test_an_experiment_on_machines_says_what_it_needs(frame: pd.DataFrame, needed: str, facts: str) -> None:
    for name, lack in lacks("maintenance", frame).items():
        wanted = facts if name == "eda/machines" else needed
        assert wanted in lack and bool(wanted) == bool(lack), name


def test_smote_is_not_drawn_from_too_few_rows() -> None:
    with pytest.raises(RowsError, match="SMOTE needs at least 12 rows of each failure type, but of one there are 5"):
        class_counts(MACHINES.groupby(FAILURE).head(5))


def test_the_command_ends_with_the_sentence_and_2(folder: Path, good_prices: pd.DataFrame) -> None:
    good_prices.to_csv(folder / "prices.csv", index=False)
    command = [sys.executable, "-m", "labcode.cli", "run", "regression/baselines", "regression/limit"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr == (
        "labcode: regression/baselines, regression/limit need at least 30 trading days, but the prices have 28.\n"
    )
