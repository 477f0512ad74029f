"""Results under old keys: found whatever rows there are today, and removed alone."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from labcode.results import experiments
from labcode.results import old as old_results
from labcode.results import run as catalog
from labcode.results.store import Store

NUMBERS = """
import numpy as np
from labcode.results.experiments import Experiment, Payload

def first(spec, *, data, results, progress):
    return Payload(scalars={"rows": 1 * len(data["maintenance"].frame)}, arrays={"x": np.arange(3)})

def second(spec, *, data, results, progress):
    return Payload(scalars={"twice": 2 * results["old/first"].scalars["rows"]})

FIRST = Experiment(name="old/first", run=first, spec={"a": 0.1}, quick={"a": 0.5}, datasets=("maintenance",))
SECOND = Experiment(name="old/second", run=second, spec={}, quick={"q": 1}, datasets=(), needs=("old/first",))
EXPERIMENTS = (FIRST, SECOND)
"""


@pytest.fixture
def source(tmp_path: Path, folder: Path, good_maintenance: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The module of two experiments, whose results are stored."""
    (tmp_path / "oldlab").mkdir()
    path = tmp_path / "oldlab" / "numbers.py"
    path.write_text(NUMBERS)
    good_maintenance.to_csv(folder / "predictive_maintenance.csv", index=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(experiments, "modules", lambda: ("oldlab.numbers",))
    forget(monkeypatch)
    catalog.run()
    return path


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a new process would not know."""
    monkeypatch.setattr(catalog, "_running_code", {})
    for name in [name for name in sys.modules if name.startswith("oldlab")]:
        monkeypatch.delitem(sys.modules, name)
    importlib.invalidate_caches()


def old() -> set[str]:
    return {each.experiment for each in old_results.stored() if each.old}


def test_current_results_of_both_profiles_and_of_other_rows_stay(
    source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABCODE_PROFILE", "quick")
    catalog.run()
    monkeypatch.delenv("LABCODE_PROFILE")
    (folder / "predictive_maintenance.csv").unlink()
    assert catalog.stored("old/first") is None, "these rows have no result yet"
    found = old_results.stored()
    assert [each.experiment for each in found] == ["old/first"] * 2 + ["old/second"] * 2
    assert old_results.prune(found) == 0 and len(old_results.stored()) == 4


def test_changed_code_makes_a_result_old_and_what_needs_it(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source.write_text(NUMBERS.replace("1 * len", "3 * len"))
    assert old() == {"old/first", "old/second"}
    forget(monkeypatch)
    catalog.run()
    found = old_results.stored()
    assert sorted((each.experiment, each.old) for each in found) == [
        (name, old) for name in ("old/first", "old/second") for old in (False, True)
    ]
    gone = [file for each in found if each.old for file in each.files]
    assert {file.suffix for file in gone} == {".json", ".npz"}
    size = sum(file.stat().st_size for file in gone)
    assert old_results.prune(found) == size
    assert not any(file.exists() for file in gone) and old() == set()
    assert all(result is not None for result in catalog.survey().values())


def test_a_changed_setting_library_or_name_makes_a_result_old(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("labcode.results.store.library_versions", lambda: {"torch": "0.1"})
        assert old() == {"old/first", "old/second"}
    with monkeypatch.context() as patch:
        patch.setattr(experiments, "modules", lambda: ())
        assert old() == {"old/first", "old/second"}
    assert old() == set()
    source.write_text(NUMBERS.replace("{}", '{"b": 2}'))
    forget(monkeypatch)
    module = importlib.import_module("oldlab.numbers")
    assert module.SECOND.spec == {"b": 2}
    assert "old/second" in old()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"meta": 3}', "\x00"])
def test_a_file_that_cannot_be_read_counts_as_old(source: Path, text: str) -> None:
    (Store().root / "old" / "first" / "damaged.json").write_text(text)
    damaged = [each for each in old_results.stored() if each.old]
    assert [file.name for each in damaged for file in each.files] == ["damaged.json"]
    old_results.prune(damaged)
    assert json.loads(next((Store().root / "old" / "first").glob("*.json")).read_text())["experiment"] == "old/first"


def test_an_empty_store_holds_nothing() -> None:
    assert old_results.stored() == []
