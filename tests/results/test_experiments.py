"""An experiment that returns a typed result: stored under plain names, loaded typed, keyed by what computes it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from labcode.errors import LabcodeError
from labcode.results import experiments
from labcode.results import run as catalog
from labcode.results.keys import code_digest

SOURCE = """
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from labcode.results.experiments import Experiment
from labcode.results.number import Number, Quantity
from labcode.results.typed import Results


@dataclass(frozen=True)
class Spec:
    lr: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Fit(Results):
    experiment = "typed/fit"
    rmse: Annotated[Number, Quantity(says="error", unit="USD", decimals=2, over="dates")]
    losses: Annotated[Mapping[int, Number], Quantity(says="loss")]


def fit(spec, *, data, results, progress):
    value = 2.0 * spec.lr
    return Fit(rmse=Number(value, 0.0, 1.0), losses={1: Number(3.0)})


EXPERIMENTS = (Experiment(name="typed/fit", run=fit, spec=Spec(), quick=Spec(lr=0.5), datasets=()),)
"""


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Change the module of the fake experiment; gives the digest of its code."""
    file = tmp_path / "typedlab" / "fits.py"
    file.parent.mkdir()
    file.write_text(SOURCE)
    monkeypatch.setattr(experiments, "modules", lambda: ("typedlab.fits",))
    monkeypatch.syspath_prepend(str(tmp_path))
    for known in (catalog._running_code, catalog._unstored):
        known.clear()
    for name in [name for name in sys.modules if name.startswith("typedlab")]:
        del sys.modules[name]

    def change(old: str, new: str) -> str:
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        importlib.invalidate_caches()
        return code_digest("typedlab.fits")

    return change


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('says="error"', 'says="error on new dates"'),
        ("decimals=2", "decimals=3"),
        ('unit="USD"', 'unit="%"'),
        ('Quantity(says="loss")', 'Quantity(says="loss", least=0)'),
    ],
)
def test_how_a_figure_is_called_and_printed_changes_no_key(edit: Callable[[str, str], str], old: str, new: str) -> None:
    assert edit(old, new) == edit(new, old)


@pytest.mark.parametrize(
    ("old", "new"),
    [("2.0 * spec.lr", "2.5 * spec.lr"), ("Number(3.0)", "Number(3.5)"), ("lr: float = 0.1", "lr: float = 0.2")],
)
def test_what_computes_it_changes_its_key(edit: Callable[[str, str], str], old: str, new: str) -> None:
    assert edit(old, new) != edit(new, old)


@pytest.mark.parametrize(("profile", "value"), [("full", 0.2), ("quick", 1.0)])
def test_it_is_stored_under_plain_names_and_loaded_typed(
    edit: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch, profile: str, value: float
) -> None:
    monkeypatch.setenv("LABCODE_PROFILE", profile)
    kind = importlib.import_module("typedlab.fits").Fit
    computed = catalog.load_typed(kind)
    stored = catalog.stored("typed/fit")
    assert stored is not None
    assert stored.scalars == {"rmse": value, "rmse_low": 0.0, "rmse_high": 1.0, "losses_1": 3.0}
    again = catalog.load_typed(kind)
    for found in (computed, again):
        assert found.rmse == value and found.rmse.low == 0.0 and found.losses[1] == 3.0
        assert found.rmse.interval.split()[-1] == "1.00)" and found.rmse.quantity.says == "error"
        assert found.origin.profile == profile and found.origin.published is (profile == "full")


def test_a_stored_result_of_other_figures_is_refused_by_name(edit: Callable[[str, str], str]) -> None:
    kind = importlib.import_module("typedlab.fits").Fit
    result = catalog.load("typed/fit")
    del result.scalars["rmse"]
    with pytest.raises(LabcodeError, match="typed/fit has no 'rmse'"):
        catalog.typed(kind, result)
