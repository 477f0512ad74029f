"""Every result of the lab: it comes back from the store as it was, and each of its numbers is possible and named."""

from __future__ import annotations

from pathlib import Path

import pytest

from labcode.lab import load
from labcode.lab.verdicts import KINDS
from labcode.results.experiments import catalog
from labcode.results.typed import Results, flatten, impossible, numbers, unflatten


def test_every_experiment_has_its_kind_of_result() -> None:
    assert {kind.experiment for kind in KINDS.values()} == set(catalog())


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_result_is_possible_and_comes_back_as_it_was(kind: type[Results], quick_store: Path) -> None:
    before = load(kind)
    flat = flatten(before)
    after = unflatten(kind, flat.scalars, flat.tables, flat.arrays, before.origin)
    figures = dict(numbers(after))
    assert figures and repr(figures) == repr(dict(numbers(before)))
    assert {path: impossible(number) for path, number in figures.items() if impossible(number)} == {}
    assert [path for path, number in figures.items() if not number.quantity.says] == []
