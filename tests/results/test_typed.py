"""Typed results become plain names and values, and come back from them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labcode.errors import LabcodeError
from labcode.results.number import Number, Quantity
from labcode.results.store import Result, Store
from labcode.results.typed import Origin, Results, flatten, impossible, numbers, unflatten


@dataclass(frozen=True, kw_only=True)
class Score(Results):
    rmse: Annotated[Number, Quantity(says="error", unit="USD", decimals=3, least=0, over="dates")]
    steps: Annotated[Number, Quantity(says="steps", decimals=0, least=0)]


@dataclass(frozen=True, kw_only=True)
class Baselines(Results):
    experiment = "regression/baselines"
    ols: Annotated[Score, Quantity(says="least squares")]
    unnamed: Annotated[Score, Quantity(name="")]
    by_epoch: Annotated[Mapping[int, Number], Quantity(says="loss", over="seeds", name="loss")]
    family: Mapping[str, Score]
    top: Annotated[Mapping[str, Number], Quantity(says="share", unit="%", name="")]
    curve: np.ndarray
    winner: str
    share: float
    seeds: int
    flag: bool


def score(value: float = 1.0, low: float = 0.5, high: float = 2.0) -> Score:
    return Score(rmse=Number(value, low, high), steps=Number(7))


def baselines(value: float = 1.0, low: float = 0.5, high: float = 2.0) -> Baselines:
    return Baselines(
        ols=score(value, low, high),
        unnamed=score(value),
        by_epoch={0: Number(value, low, high), 50: Number(2.0, 1.0, 3.0)},
        family={"half odd": score(value), "plain": score(3.0)},
        top={"first": Number(0.25), "second": Number(0.75)},
        curve=np.array([[1.0, 2.0]]),
        winner="half odd",
        share=0.5,
        seeds=3,
        flag=True,
    )


ANY = st.floats()
SCALARS = {
    *("ols_rmse", "ols_rmse_low", "ols_rmse_high", "ols_steps", "rmse", "rmse_low", "rmse_high", "steps"),
    *("loss_0", "loss_0_low", "loss_0_high", "loss_50", "loss_50_low", "loss_50_high"),
    *(f"family_{key}_{name}" for key in ("half odd", "plain") for name in ("rmse", "rmse_low", "rmse_high", "steps")),
    *("first", "second", "winner", "share", "seeds", "flag"),
}


def test_names_are_those_of_labcode_results() -> None:
    flat = flatten(baselines())
    assert set(flat.scalars) == SCALARS
    assert (flat.scalars["ols_rmse"], flat.scalars["ols_rmse_low"], flat.scalars["ols_rmse_high"]) == (1.0, 0.5, 2.0)
    assert flat.tables["loss"] == [{"key": 0}, {"key": 50}]
    assert set(flat.arrays) == {"curve"}


def same(one: Results, other: Results) -> None:
    """Every number with its limits and its quantity, and every other value."""
    left, right = dict(numbers(one)), dict(numbers(other))
    assert list(left) == list(right)
    for path, number in left.items():
        assert repr(dataclasses.astuple(number)) == repr(dataclasses.astuple(right[path])), path
    for name in ("winner", "share", "seeds", "flag"):
        assert repr(getattr(one, name)) == repr(getattr(other, name))
    np.testing.assert_array_equal(one.curve, other.curve)  # type: ignore[attr-defined]


@settings(deadline=None)
@given(ANY, ANY, ANY)
def test_a_result_comes_back_from_the_store(
    tmp_path_factory: pytest.TempPathFactory, value: float, low: float, high: float
) -> None:
    store = Store(tmp_path_factory.mktemp("results"))
    before, origin = baselines(value, low, high), Origin({"prices": "file"}, "quick")
    store.save(Result(experiment="regression/baselines", key="0" * 64, **vars(flatten(before))))
    read = store.load("regression/baselines", "0" * 64)
    assert read is not None
    after = unflatten(Baselines, read.scalars, read.tables, read.arrays, origin)
    same(before, after)
    assert after.origin is origin and after.ols.origin is origin and after.family["plain"].origin is origin
    assert list(after.by_epoch) == [0, 50], "an int key comes back as an int"
    assert type(after.ols.steps.value) is int, "a whole number stays whole"


def test_numbers_are_told_what_they_are() -> None:
    result = baselines()
    assert result.ols.rmse.quantity.says == "least squares: error"
    assert result.family["half odd"].rmse.quantity.says == "half odd: error"
    assert result.by_epoch[50].quantity.says == "loss 50"
    assert str(result.top["first"]) == "25.00%"
    again = dataclasses.replace(result, winner="plain")
    assert again.ols.rmse.quantity.says == "least squares: error", "not twice"


def test_a_result_cannot_be_changed() -> None:
    result = baselines()
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.winner = "plain"  # type: ignore[misc]
    with pytest.raises(TypeError):
        result.family["plain"] = score()  # type: ignore[index]


@pytest.mark.parametrize(
    ("part", "gone"),
    [*(("scalars", name) for name in ("ols_rmse", "ols_rmse_high", "family_plain_steps", "winner", "loss_50_low")),
     ("tables", "family"), ("arrays", "curve")],
)  # fmt: skip
def test_a_missing_figure_is_named_with_its_experiment(part: str, gone: str) -> None:
    flat = flatten(baselines())
    del getattr(flat, part)[gone]
    with pytest.raises(LabcodeError, match=rf"regression/baselines has no '{gone}'; compute it again"):
        unflatten(Baselines, flat.scalars, flat.tables, flat.arrays)


ONE = Number(1.0, 0.5, 2.0)
ERROR = Quantity(says="error", over="dates")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"rmse": (Annotated[Number, ERROR], ONE), "rmse_low": (Annotated[Number, ERROR], ONE)},
         "Odd has two figures named 'rmse_low'"),
        ({"rmse": (Annotated[Number, Quantity(unit="USD")], ONE)}, r"Odd\.rmse has no phrase"),
        ({"rmse": (Number, ONE)}, r"Odd\.rmse has no phrase"),
        ({"losses": (Mapping[int, Number], {})}, r"Odd\.losses has no phrase"),
        ({"when": (object, None)}, "when is None"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_apart_named_or_kept_is_refused(fields: dict[str, tuple], reason: str) -> None:
    declared = [(name, kind) for name, (kind, _) in fields.items()]
    odd = dataclasses.make_dataclass("Odd", declared, bases=(Results,), frozen=True, kw_only=True)
    with pytest.raises(LabcodeError, match=reason):
        flatten(odd(**{name: value for name, (_, value) in fields.items()}))


UP_TO_ONE = Quantity(least=0, most=1)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (Number(0.5, 0.4, 0.6, quantity=UP_TO_ONE), ""),
        (Number(1.0 + 1e-12, quantity=UP_TO_ONE), ""),
        (Number(0.5, math.nan, math.nan, quantity=UP_TO_ONE), ""),
        (Number(1.5, quantity=UP_TO_ONE), "it is 1.5, expected 0 to 1"),
        (Number(-0.1, quantity=UP_TO_ONE), "it is -0.1, expected 0 to 1"),
        (Number(math.nan, quantity=UP_TO_ONE), "it is nan, expected 0 to 1"),
        (Number(0.5, 0.6, 0.7), "it is 0.5, outside its own interval 0.6 to 0.7"),
        (Number(0.5, 0.1, 0.4), "it is 0.5, outside its own interval 0.1 to 0.4"),
    ],
)
def test_what_cannot_be_is_said(number: Number, reason: str) -> None:
    assert impossible(number) == reason


def test_published_rows_are_all_real_and_all_there() -> None:
    assert Origin({"prices": "file"}, "full").published and Origin({}, "full").published
    assert not Origin({"prices": "file"}, "quick").published
    assert not Origin({"prices": "file", "machines": "simulated"}, "full").published
    assert not Origin({"prices": "part"}, "full").published
