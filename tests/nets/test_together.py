"""Networks trained together: each is the one that it would have been alone, whatever the others are."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone, is_classifier
from skorch.callbacks import Callback
from torch import Tensor, nn

from labcode.nets import together
from labcode.nets.base import TabularEstimator
from labcode.nets.estimators import TabularClassifier, TabularRegressor
from labcode.nets.loop import DivergedError
from labcode.nets.losses import FocalLoss
from labcode.nets.together import Fit, TrainingRows, fit_together, group_members

Options = dict[str, Any]
SMALL: Options = {"hidden": (8,), "max_epochs": 2, "batch_size": 32}


def regression_rows(n: int, *, seed: int = 0, weighted: bool = False) -> TrainingRows:
    """A smooth target far from 0, rows of different weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    y = 20 + 5 * np.tanh(X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=n)
    return TrainingRows(X, y, rng.uniform(0.1, 3.0, n) if weighted else None)


def classification_rows(n: int, *, seed: int = 0, weighted: bool = False) -> TrainingRows:
    """Three classes named by strings, one of them rare."""
    rows = regression_rows(n, seed=seed, weighted=weighted)
    y = np.digitize(rows.y, np.quantile(rows.y, [0.5, 0.85]))
    return TrainingRows(rows.X, np.array(["low", "middle", "top"])[y], rows.sample_weight)


def fit_alone(estimator: TabularEstimator, rows: TrainingRows) -> TabularEstimator:
    return clone(estimator).fit(rows.X, rows.y, sample_weight=rows.sample_weight)


def answers(network: TabularEstimator, X: Any) -> npt.NDArray[Any]:
    return np.asarray(network.predict_proba(X) if is_classifier(network) else network.predict(X))


def weights(network: TabularEstimator) -> bytes:
    return b"".join(parameter.detach().numpy().tobytes() for parameter in network.net_.module_.parameters())


def fitted(fits: Sequence[Fit]) -> list[TabularEstimator]:
    assert [fit.error for fit in fits] == [None] * len(fits)
    return [fit.estimator for fit in fits if fit.estimator is not None]


def assert_alike(network: TabularEstimator, expected: TabularEstimator, X: Any, tolerance: float = 1e-4) -> None:
    """Equal answers to any rows, up to the rounding of float32."""
    wanted = answers(expected, X)
    np.testing.assert_allclose(answers(network, X), wanted, rtol=tolerance, atol=tolerance * np.ptp(wanted))


def assert_as_alone(estimators: Sequence[TabularEstimator], rows: Sequence[TrainingRows]) -> None:
    for estimator, own, network in zip(estimators, rows, fitted(fit_together(estimators, rows)), strict=True):
        alone = fit_alone(estimator, own)
        assert_alike(network, alone, own.X)
        for column in ("train_loss", "lr"):
            np.testing.assert_allclose(network.history_[column], alone.history_[column], rtol=1e-4, atol=1e-6)


#: What networks of one group have in common.
SHAPES = st.fixed_dictionaries(
    {
        "hidden": st.sampled_from([(), (8,), (8, 4)]),
        "batch_size": st.sampled_from([16, 50, "full"]),
        "optimizer": st.sampled_from(["adam", "adamw", "sgd"]),
    }
)
#: What they may differ in.
OWN: dict[str, st.SearchStrategy[Any]] = {
    "lr": st.sampled_from([1e-3, 0.01, 0.03]),
    "weight_decay": st.sampled_from([0.0, 0.01, 0.1]),
    "l1": st.sampled_from([0.0, 1e-3, 1e-2]),
    "dropout": st.sampled_from([0.0, 0.2, 0.5]),
    "schedule": st.sampled_from([None, "onecycle"]),
    "max_epochs": st.integers(1, 4),
    "random_state": st.integers(0, 2),
    "input_noise": st.sampled_from([0.0, 0.1]),
    "shuffle": st.booleans(),
}
OF_NUMBERS = {"standardize_target": st.booleans(), "loss": st.sampled_from(["mse", "mae"])}
OF_CLASSES = {"class_weight": st.sampled_from([None, "balanced", {"low": 1.0, "middle": 2.0, "top": 7.0}])}
LENGTHS = st.tuples(st.integers(40, 120), st.integers(40, 120), st.integers(40, 120))


@st.composite
def networks(draw: st.DrawFn, kind: type[TabularEstimator], **more: st.SearchStrategy[Any]) -> list[TabularEstimator]:
    """Two to eight networks of one or two shapes."""
    shapes = draw(st.lists(SHAPES, min_size=1, max_size=2))
    own = draw(st.lists(st.fixed_dictionaries({**OWN, **more}), min_size=2, max_size=8))
    return [kind(**draw(st.sampled_from(shapes)), **options) for options in own]


class TestAsAlone:
    @settings(max_examples=25, deadline=None)
    @given(data=st.data(), lengths=LENGTHS)
    def test_any_networks_on_any_rows(self, data: st.DataObject, lengths: tuple[int, ...]) -> None:
        kind = data.draw(st.sampled_from([TabularRegressor, TabularClassifier]))
        estimators = data.draw(networks(kind, **(OF_NUMBERS if kind is TabularRegressor else OF_CLASSES)))
        rows_of = regression_rows if kind is TabularRegressor else classification_rows
        sets = [rows_of(n, seed=i, weighted=i == 2) for i, n in enumerate(lengths)]
        assert_as_alone(estimators, [data.draw(st.sampled_from(sets)) for _ in estimators])

    @pytest.mark.parametrize("n_targets", [1, 3])
    def test_several_targets_in_named_columns(self, n_targets: int) -> None:
        rows = regression_rows(90)
        targets = np.column_stack([rows.y, -100 * rows.y, rows.X[:, 0]])[:, :n_targets]
        wide = TrainingRows(pd.DataFrame(rows.X, columns=["a", "b", "c"]), pd.DataFrame(targets))
        estimators = [TabularRegressor(**SMALL, lr=lr, random_state=0) for lr in (0.01, 0.03)]
        assert_as_alone(estimators, [wide, wide])
        for network in fitted(fit_together(estimators, [wide, wide])):
            assert answers(network, wide.X).shape == (90, n_targets)
            assert network.feature_names_in_.tolist() == ["a", "b", "c"]

    def test_losses_of_ones_own_and_label_smoothing_which_is_not_recorded(self) -> None:
        rows, classes = regression_rows(90, weighted=True), classification_rows(90, weighted=True)
        regressors = [TabularRegressor(**SMALL, loss=log_cosh, lr=lr, random_state=0) for lr in (0.01, 0.03)]
        options: list[Options] = [{"loss": FocalLoss(3.0)}, {"label_smoothing": 0.2}]
        focal, smooth = (
            [TabularClassifier(**SMALL, **own, lr=lr, random_state=0) for lr in (0.01, 0.03)] for own in options
        )
        sets = [rows, rows, *[classes] * 4]
        assert len(group_members([*regressors, *focal, *smooth], sets)) == 3
        assert_as_alone([*regressors, *focal, *smooth], sets)

    def test_seeds_that_are_generators(self) -> None:
        rows, generator = regression_rows(90), np.random.RandomState(0)
        seeds = [generator, generator, np.random.RandomState(1), np.int64(3)]
        assert_as_alone([TabularRegressor(**SMALL, dropout=0.3, random_state=seed) for seed in seeds], [rows] * 4)

    def test_a_pickle_is_as_small_as_that_of_a_network_fitted_alone(self) -> None:
        rows = regression_rows(90)
        estimators = [TabularRegressor(hidden=(64, 32), max_epochs=1, random_state=s) for s in range(8)]
        network, alone = fitted(fit_together(estimators, [rows] * 8))[3], fit_alone(estimators[3], rows)
        assert len(pickle.dumps(network)) == pytest.approx(len(pickle.dumps(alone)), rel=0.1)
        assert np.array_equal(pickle.loads(pickle.dumps(network)).predict(rows.X), network.predict(rows.X))


class TestFailures:
    def test_one_that_cannot_be_fitted_leaves_the_others_as_they_are(self) -> None:
        rows = regression_rows(90)
        holed = TrainingRows(np.where(rows.X > 2, np.nan, rows.X), rows.y)
        rates = (0.01, 1e6, -1.0, 0.02, 0.03)
        estimators = [TabularRegressor(**SMALL, optimizer="sgd", lr=lr, random_state=0) for lr in rates]
        sets = [rows, rows, rows, rows, holed]
        assert group_members(estimators, sets) == [[0, 1, 3, 4], [2]], "all but the invalid one"
        fits = fit_together(estimators, sets)
        assert [type(fit.error) for fit in fits] == [type(None), DivergedError, ValueError, type(None), ValueError]
        for fit, expected in zip(fits, ("", "lr=1000000.0", r"TabularRegressor(lr=-1.0)", "", "contains NaN")):
            assert expected in str(fit.error)
            assert (fit.estimator is None) == bool(expected)
        for i in (0, 3):
            assert fits[i].estimator is not None
            assert_alike(fits[i].estimator, fit_alone(estimators[i], rows), rows.X)

    def test_an_error_is_that_of_the_network_alone(self) -> None:
        rows = classification_rows(60)
        one_class = TrainingRows(rows.X, np.full(60, "low"))
        short = TrainingRows(rows.X, rows.y[:-1])
        estimators = [TabularClassifier(**SMALL), TabularClassifier(**SMALL), TabularClassifier(**SMALL, dropout=1.0)]
        sets = [one_class, short, rows]
        for estimator, own, fit in zip(estimators, sets, fit_together(estimators, sets)):
            with pytest.raises(ValueError) as alone:
                fit_alone(estimator, own)
            assert (type(fit.error), str(fit.error)) == (type(alone.value), str(alone.value))

    def test_a_loss_of_the_wrong_shape_is_an_error_of_its_own_networks_only(self) -> None:
        rows = regression_rows(60)
        wrong = [TabularRegressor(**SMALL, loss=unreduced, random_state=seed) for seed in (0, 1)]
        with pytest.warns(UserWarning, match="2 networks could not train as one"):
            fits = fit_together([*wrong, TabularRegressor(**SMALL)], [rows] * 3)
        assert ["one value a row" in str(fit.error) for fit in fits] == [True, True, False]

    def test_a_loss_that_looks_at_its_values_trains_one_by_one_and_says_why(self) -> None:
        rows = regression_rows(60)
        with pytest.warns(UserWarning, match=r"were trained one by one, slowly \(RuntimeError: vmap: .*control flow"):
            assert_as_alone([TabularRegressor(**SMALL, loss=branching, random_state=s) for s in (0, 1)], [rows, rows])


class TestAlone:
    @pytest.mark.parametrize(
        "options",
        [{"patience": 2}, {"module": nn.Linear}, {"callbacks": [Callback()]}],
        ids=["patience", "module", "callback"],
    )
    @pytest.mark.parametrize("kind", [TabularRegressor, TabularClassifier])
    def test_it_is_exactly_what_fit_makes_of_it(self, kind: Any, options: Options) -> None:
        rows = (regression_rows if kind is TabularRegressor else classification_rows)(90)
        estimators = [kind(**SMALL, **options, lr=lr, random_state=0) for lr in (0.01, 0.03)]
        assert group_members(estimators, [rows, rows]) == [[0], [1]]
        for estimator, network in zip(estimators, fitted(fit_together(estimators, [rows, rows])), strict=True):
            alone = fit_alone(estimator, rows)
            assert weights(network) == weights(alone)
            pd.testing.assert_frame_equal(*(each.history_.drop(columns="seconds") for each in (network, alone)))


@pytest.fixture(scope="module")
def members() -> tuple[list[TabularEstimator], list[TrainingRows]]:
    """24 networks of four shapes on rows of two lengths."""
    shapes: list[Options] = [{"hidden": (16,)}, {"hidden": (8, 8)}, {"batch_size": 16}, {"loss": "mae"}]
    estimators: list[TabularEstimator] = [
        TabularRegressor(**{**SMALL, **shape, "max_epochs": 1 + seed + i}, lr=lr, dropout=0.1, random_state=seed)
        for i, shape in enumerate(shapes)
        for lr in (0.001, 0.01)
        for seed in range(3)
    ]
    sets = [regression_rows(60), regression_rows(110, seed=1)]
    return estimators, [sets[i % 2] for i in range(len(estimators))]


class TestGroups:
    @pytest.mark.parametrize(("megabytes", "expected"), [(0.0, 24), (0.05, 7), (1024.0, 4)])
    def test_they_hold_everyone_once_and_mix_no_shapes(
        self, members: Any, megabytes: float, expected: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        estimators, rows = members
        monkeypatch.setattr(together, "GROUP_BYTES", megabytes * 2**20)
        groups = group_members(estimators, rows)
        assert sorted(chain.from_iterable(groups)) == list(range(24)) and len(groups) == expected
        for group in groups:
            assert len({(estimators[i].hidden, estimators[i].batch_size, estimators[i].loss) for i in group}) == 1
        work = [sum(estimators[i].max_epochs * len(rows[i].X) for i in group) for group in groups if len(group) > 1]
        assert work == sorted(work, reverse=True)

    def test_smaller_groups_give_the_same_networks(self, members: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        estimators, rows = members
        large = fitted(fit_together(estimators, rows))
        monkeypatch.setattr(together, "GROUP_SIZE", 2)
        for a, b, own in zip(fitted(fit_together(estimators, rows)), large, rows, strict=True):
            assert_alike(a, b, own.X, tolerance=1e-6)

    @pytest.mark.parametrize("apart", [{"hidden": (4,)}, {"batch_size": 8}, {"optimizer": "sgd"}, {"loss": "mae"}])
    def test_another_shape_trains_apart(self, apart: Options) -> None:
        rows = regression_rows(60)
        estimators = [TabularRegressor(**SMALL), TabularRegressor(**{**SMALL, **apart})]
        assert len(group_members(estimators, [rows, rows])) == 2

    def test_other_columns_classes_and_kinds_train_apart(self) -> None:
        rows = classification_rows(60)
        two = TrainingRows(rows.X, np.where(rows.y == "top", "low", rows.y))
        narrow, numbers = TrainingRows(rows.X[:, :2], rows.y), regression_rows(60)
        wide, weighted = TrainingRows(numbers.X, np.column_stack([numbers.y] * 2)), regression_rows(60, weighted=True)
        estimators = [TabularClassifier(**SMALL)] * 3 + [TabularRegressor(**SMALL)] * 3
        assert len(group_members(estimators, [rows, two, narrow, numbers, wide, weighted])) == 6

    def test_processes_change_no_bit(self, members: Any) -> None:
        estimators, rows = members
        one, two = (fitted(fit_together(estimators, rows, n_jobs=n_jobs)) for n_jobs in (None, 2))
        assert [weights(network) for network in one] == [weights(network) for network in two]


class TestCitizenship:
    def test_the_global_generator_and_the_number_of_threads_are_left_as_they_were(self) -> None:
        estimators = [TabularRegressor(**SMALL, dropout=0.5, input_noise=0.1, random_state=s) for s in (0, 1)]
        before = torch.get_num_threads()
        torch.manual_seed(0)
        state = torch.get_rng_state()
        torch.set_num_threads(2)
        fitted(fit_together(estimators, [regression_rows(60)] * 2))
        after = torch.get_num_threads()
        torch.set_num_threads(before)
        assert torch.equal(torch.get_rng_state(), state) and after == 2

    def test_estimators_rows_and_their_arrays_are_left_as_they_were(self) -> None:
        rows = regression_rows(60, weighted=True)
        before = copy.deepcopy(rows)
        estimators = [TabularRegressor(**SMALL, lr=0.03, input_noise=0.1), TabularRegressor(**SMALL, patience=1)]
        known = [dict(vars(estimator)) for estimator in estimators]
        networks = fitted(fit_together(estimators, [rows, rows]))
        assert [vars(estimator) for estimator in estimators] == known
        assert all(network is not estimator for network, estimator in zip(networks, estimators))
        for name, expected in vars(before).items():
            np.testing.assert_array_equal(getattr(rows, name), expected)


def log_cosh(outputs: Tensor, targets: Tensor) -> Tensor:
    return torch.log(torch.cosh(outputs - targets)).sum(dim=1)


def unreduced(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).square()


def branching(outputs: Tensor, targets: Tensor) -> Tensor:
    losses = (outputs - targets).square().mean(dim=1)
    return losses if losses.max() < 10.0 else losses.sqrt()
