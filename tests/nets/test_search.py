"""The batched searches: what scikit-learn's own would have found, in its own words."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import Pipeline
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, KFold, StratifiedKFold, cross_val_score
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from labcode.data.simulate import simulate_maintenance
from labcode.nets.estimators import TabularClassifier, TabularRegressor
from labcode.nets.search import BatchedHalvingSearchCV, BatchedSearchCV
from labcode.scoring.splits import (
    FAILURE,
    DateSeriesSplit,
    Split,
    in_fold_pipeline,
    maintenance_encoder,
    maintenance_sound,
)

Arrays = tuple[npt.NDArray[Any], npt.NDArray[Any]]
Options = dict[str, Any]

QUICK: Options = {"hidden": (8,), "max_epochs": 2, "batch_size": 32, "random_state": 0}
RATES = [0.001, 0.01, 0.1]
FOLDS = KFold(2)


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCODE_DEVICE", "cpu")


@pytest.fixture(scope="module")
def curve() -> Arrays:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(110, 3))
    return X, 20 + 5 * np.tanh(X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=110)


@pytest.fixture(scope="module")
def rings() -> Arrays:
    X = np.random.default_rng(1).normal(size=(110, 2))
    return X, np.digitize(np.hypot(X[:, 0], X[:, 1]), [0.8, 1.8])


@pytest.fixture(scope="module")
def maintenance() -> Split:
    """Training rows with rare failures, but none so rare that a fold has too few for SMOTE."""
    frame = simulate_maintenance(n_rows=2000)
    frame = frame[frame[FAILURE] != "Random Failures"]
    return maintenance_sound(frame.groupby(FAILURE).head(120))


def network(**options: Any) -> TabularRegressor:
    return TabularRegressor(**{**QUICK, **options})


def piped(**options: Any) -> Pipeline:
    return in_fold_pipeline(network(**options))


def both(
    estimator: BaseEstimator, grid: Any, rows: Iterable[Any], *, fit: Options | None = None, **options: Any
) -> tuple[BatchedSearchCV, GridSearchCV]:
    """The batched search and scikit-learn's, fitted alike; the latter keeps its warnings to itself."""
    X, y = rows
    options = {"cv": FOLDS, **options}
    batched = BatchedSearchCV(estimator, grid, **options).fit(X, y, **(fit or {}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return batched, GridSearchCV(estimator, grid, **options).fit(X, y, **(fit or {}))


def assert_same_search(batched: BatchedSearchCV, usual: GridSearchCV, *, tolerance: float = 1e-3) -> None:
    """The same table: columns, candidates, scores and, where two are not all but equal, ranks and the choice."""
    found, expected = batched.cv_results_, usual.cv_results_
    assert set(found) == set(expected)
    assert found["params"] == expected["params"]
    for name in expected:
        if name.startswith(("split", "mean_test", "mean_train", "std_test")):
            np.testing.assert_allclose(found[name], expected[name], rtol=tolerance, atol=tolerance / 10, err_msg=name)
    for name in (name for name in expected if name.startswith("rank_test_")):
        mean = np.nan_to_num(expected[name.replace("rank", "mean")], nan=-1e6)
        better = mean[:, None] > mean + tolerance * (1 + np.abs(mean))
        assert (found[name][:, None] < found[name])[better].all(), name
        if better[mean.argmax()].sum() == len(mean) - 1 and usual.refit in (True, name.removeprefix("rank_test_")):
            assert batched.best_params_ == usual.best_params_


GRIDS = st.fixed_dictionaries(
    {"lr": st.just([0.003, 0.03])},
    optional={
        "hidden": st.sampled_from([[(8,), (4, 4)], [(), (16,)]]),
        "dropout": st.just([0.0, 0.3]),
        "weight_decay": st.just([0.0, 0.1]),
        "batch_size": st.sampled_from([[16, 32], [20, "full"]]),
        "max_epochs": st.just([1, 3]),
        "optimizer": st.sampled_from([["adam", "sgd"], ["adamw", "adam"]]),
    },
).filter(lambda grid: 2 <= len(grid) <= 3)


class TestSearch:
    @settings(max_examples=8, deadline=None)
    @given(grid=GRIDS, folds=st.integers(2, 3))
    def test_any_grid_of_regressors(self, curve: Arrays, grid: Options, folds: int) -> None:
        assert_same_search(*both(network(), grid, curve, cv=KFold(folds, shuffle=True, random_state=0)))

    @settings(max_examples=8, deadline=None)
    @given(grid=GRIDS, class_weight=st.sampled_from([None, "balanced"]))
    def test_any_grid_of_classifiers(self, rings: Arrays, grid: Options, class_weight: Any) -> None:
        estimator = TabularClassifier(**QUICK, class_weight=class_weight)
        assert_same_search(*both(estimator, grid, rings, scoring="neg_log_loss", return_train_score=True))

    def test_a_list_of_grids_and_folds_by_number(self, rings: Arrays) -> None:
        grids = [{"lr": RATES}, {"dropout": [0.2], "hidden": [(8,), (4,)]}]
        batched, usual = both(TabularClassifier(**QUICK), grids, rings, cv=3, scoring="neg_log_loss")
        assert batched.n_splits_ == usual.n_splits_ == 3
        assert_same_search(batched, usual)

    def test_the_best_is_fitted_on_all_rows_and_answers_for_the_search(self, curve: Arrays) -> None:
        frame = pd.DataFrame(curve[0], columns=["a", "b", "c"])
        batched, usual = both(network(), {"lr": RATES}, (frame, curve[1]))
        expected = network(**batched.best_params_).fit(frame, curve[1])
        np.testing.assert_array_equal(batched.best_estimator_.predict(frame), expected.predict(frame))
        np.testing.assert_array_equal(batched.predict(frame), expected.predict(frame))
        assert batched.score(frame, curve[1]) == expected.score(frame, curve[1])
        assert batched.best_score_ == pytest.approx(usual.best_score_, rel=1e-3)
        assert batched.feature_names_in_.tolist() == ["a", "b", "c"] and batched.n_features_in_ == 3
        assert batched.refit_time_ > 0

    def test_what_cannot_train_together_is_searched_too(self, curve: Arrays) -> None:
        grid = {"batch_norm": [False, True], "patience": [None, 2], "lr": [0.01]}
        assert_same_search(*both(network(), grid, curve, return_train_score=True))

    def test_little_memory_changes_no_score(self, curve: Arrays) -> None:
        grid = {"lr": RATES, "dropout": [0.0, 0.2]}
        tight, roomy = (
            BatchedSearchCV(network(), grid, cv=FOLDS, memory_mb=megabytes).fit(*curve) for megabytes in (0.0, 1024.0)
        )
        np.testing.assert_allclose(
            tight.cv_results_["mean_test_score"], roomy.cv_results_["mean_test_score"], rtol=1e-5, atol=1e-6
        )

    def test_it_is_an_estimator_like_others(self, curve: Arrays) -> None:
        search = BatchedSearchCV(network(), {"lr": RATES}, cv=FOLDS, n_jobs=1, memory_mb=7.0, return_estimator=True)
        before = search.get_params()
        copy = clone(search.fit(*curve))
        assert not hasattr(copy, "cv_results_")
        for name in ("param_grid", "n_jobs", "memory_mb", "return_estimator", "estimator__max_epochs"):
            assert copy.get_params()[name] == before[name] == search.get_params()[name]
        outer = cross_val_score(clone(search).set_params(estimator__max_epochs=3), *curve, cv=2)
        usual = cross_val_score(GridSearchCV(network(max_epochs=3), {"lr": RATES}, cv=FOLDS), *curve, cv=2)
        np.testing.assert_allclose(outer, usual, rtol=1e-3)


class TestScoring:
    def test_several_metrics_and_the_one_that_chooses(self, rings: Arrays) -> None:
        options: Options = {"scoring": ["accuracy", "neg_log_loss"], "refit": "neg_log_loss"}
        batched, usual = both(TabularClassifier(**QUICK), {"lr": RATES}, rings, return_train_score=True, **options)
        assert_same_search(batched, usual)
        assert batched.multimetric_ and batched.best_index_ == usual.best_index_
        assert batched.score(*rings) == pytest.approx(usual.score(*rings), rel=1e-3)

    def test_several_metrics_need_a_name_to_choose_by(self, curve: Arrays) -> None:
        with pytest.raises(ValueError, match="parameter refit must be set to a scorer key"):
            both(network(), {"lr": RATES}, curve, scoring=["r2", "neg_mean_squared_error"])

    def test_a_function_that_sees_the_fitted_pipeline_and_raw_rows(self, curve: Arrays) -> None:
        assert_same_search(*both(piped(), {"model__lr": RATES}, curve, scoring=pipeline_score))

    def test_functions_by_name_see_the_fitted_pipeline_and_raw_rows(self, curve: Arrays) -> None:
        scoring = {"own": pipeline_score, "r2": "r2"}
        assert_same_search(*both(piped(), {"model__lr": RATES}, curve, scoring=scoring, refit="own"))

    def test_a_function_that_gives_several_scores(self, curve: Arrays) -> None:
        batched, usual = both(piped(), {"model__lr": RATES}, curve, scoring=two_scores, refit="size")
        assert_same_search(batched, usual)
        assert batched.best_params_ == usual.best_params_

    def test_a_choice_of_ones_own(self, curve: Arrays) -> None:
        batched, usual = both(network(), {"lr": RATES}, curve, refit=choose_second)
        assert batched.best_index_ == usual.best_index_ == 1
        assert batched.best_estimator_.lr == 0.01
        assert not hasattr(batched, "best_score_")

    def test_without_a_refit_there_is_a_choice_and_no_estimator(self, curve: Arrays) -> None:
        batched, usual = both(network(), {"lr": RATES}, curve, refit=False)
        assert batched.best_params_ == usual.best_params_
        assert not hasattr(batched, "best_estimator_") and not hasattr(batched, "predict")

    def test_kept_estimators_are_those_that_were_scored(self, curve: Arrays) -> None:
        X, y = curve
        search = BatchedSearchCV(piped(), {"model__lr": RATES}, cv=FOLDS, return_estimator=True).fit(X, y)
        for candidate, (lr, estimators) in enumerate(zip(RATES, search.cv_estimators_, strict=True)):
            for fold, (estimator, (_, test)) in enumerate(zip(estimators, FOLDS.split(X), strict=True)):
                assert estimator.get_params()["model__lr"] == lr
                score = search.cv_results_[f"split{fold}_test_score"][candidate]
                assert estimator.score(X[test], y[test]) == pytest.approx(score, rel=1e-6)

    def test_estimators_are_kept_on_demand_only(self, curve: Arrays) -> None:
        assert not hasattr(BatchedSearchCV(network(), {"lr": RATES}, cv=FOLDS).fit(*curve), "cv_estimators_")


class TestPipelines:
    def test_smote_in_the_fold(self, maintenance: Split) -> None:
        """Scores equal those of GridSearchCV, so SMOTE met training rows only, and the scaler too."""
        estimator = in_fold_pipeline(
            TabularClassifier(**QUICK), transformer=maintenance_encoder(), sampler=SMOTE(random_state=0, k_neighbors=2)
        )
        grid = {
            "sample": [None, SMOTE(random_state=1, k_neighbors=2), RandomOverSampler(random_state=0)],
            "model__lr": [0.003, 0.03],
            "model__hidden": [(8,), (4, 4)],
        }
        rows = maintenance.X_train, maintenance.y_train
        batched, usual = both(
            estimator, grid, rows, cv=StratifiedKFold(2), scoring="neg_log_loss", return_train_score=True
        )
        found, expected = (
            [{**each, "sample": repr(each["sample"])} for each in search.cv_results_["params"]]
            for search in (batched, usual)
        )
        assert found == expected
        for name in ("split0_test_score", "split1_test_score", "mean_train_score"):
            np.testing.assert_allclose(batched.cv_results_[name], usual.cv_results_[name], rtol=1e-3)
        assert repr(batched.best_params_) == repr(usual.best_params_)
        predicted = batched.best_estimator_.predict(maintenance.X_test)
        assert set(predicted) <= set(maintenance.y_train)
        np.testing.assert_allclose(
            batched.predict_proba(maintenance.X_test), usual.predict_proba(maintenance.X_test), rtol=1e-3, atol=1e-6
        )

    def test_parameters_of_the_steps_before_the_network(self, maintenance: Split) -> None:
        estimator = in_fold_pipeline(TabularClassifier(**QUICK), transformer=maintenance_encoder())
        grid = {
            "transform__quality": [maintenance_encoder().transformers[0][1], "drop"],
            "transform__sensors": [StandardScaler(), MinMaxScaler()],
            "model__lr": [0.003, 0.03],
        }
        rows = maintenance.X_train, maintenance.y_train
        batched, usual = both(estimator, grid, rows, scoring="neg_log_loss")
        scores = batched.cv_results_["mean_test_score"]
        assert len(set(np.round(scores, 6))) == 8, "no two candidates may be mistaken for each other"
        np.testing.assert_allclose(scores, usual.cv_results_["mean_test_score"], rtol=1e-3)

    def test_dates_for_the_folds_and_weights_for_the_network(self, curve: Arrays) -> None:
        X, y = curve
        dates = np.repeat(pd.date_range("2010-01-04", periods=22, freq="B"), 5)
        weight = np.where(np.arange(110) % 3 == 0, 20.0, 0.1)
        fit = {"groups": dates, "model__sample_weight": weight}
        batched, usual = both(piped(), {"model__lr": RATES}, curve, cv=DateSeriesSplit(3), fit=fit)
        assert batched.n_splits_ == 3
        assert_same_search(batched, usual)
        np.testing.assert_allclose(batched.predict(X), usual.predict(X), rtol=1e-4)
        unweighted = BatchedSearchCV(piped(), {"model__lr": RATES}, cv=DateSeriesSplit(3)).fit(X, y, groups=dates)
        difference = unweighted.cv_results_["mean_test_score"] - batched.cv_results_["mean_test_score"]
        assert np.abs(difference).min() > 1e-3

    def test_weights_for_a_network_without_a_pipeline(self, curve: Arrays) -> None:
        X, y = curve
        weight = np.where(np.arange(110) % 3 == 0, 20.0, 0.1)
        search = BatchedSearchCV(network(), {"lr": RATES}, cv=FOLDS, return_estimator=True).fit(
            X, y, sample_weight=weight
        )
        for lr, estimators in zip(RATES, search.cv_estimators_, strict=True):
            for estimator, (train, _) in zip(estimators, FOLDS.split(X), strict=True):
                expected = network(lr=lr).fit(X[train], y[train], sample_weight=weight[train])
                np.testing.assert_allclose(estimator.predict(X), expected.predict(X), rtol=1e-4)

    def test_rows_to_watch_reach_the_network(self, curve: Arrays) -> None:
        fit = {"model__valid_set": (curve[0][:30], curve[1][:30])}
        search, usual = both(piped(patience=1, max_epochs=4), {"model__lr": RATES}, curve, fit=fit)
        assert_same_search(search, usual)
        assert "valid_loss" in search.best_estimator_.steps[-1][1].history_

    def test_a_step_that_is_a_lambda(self, curve: Arrays) -> None:
        estimator = Pipeline([("double", FunctionTransformer(lambda X: 2 * X)), ("model", network())])
        assert_same_search(*both(estimator, {"model__lr": RATES}, curve))

    def test_other_estimators(self, curve: Arrays) -> None:
        assert_same_search(
            *both(in_fold_pipeline(Ridge()), {"model__alpha": [0.1, 1e3]}, curve, return_train_score=True)
        )

    def test_networks_beside_other_estimators(self, curve: Arrays) -> None:
        batched, usual = both(piped(), {"model": [network(lr=0.03), Ridge(), network(lr=0.01)]}, curve)
        for name in ("split0_test_score", "split1_test_score", "rank_test_score"):
            np.testing.assert_allclose(batched.cv_results_[name], usual.cv_results_[name], rtol=1e-3)
        assert isinstance(batched.best_params_["model"], Ridge)


@pytest.mark.filterwarnings("ignore:One or more of the:UserWarning")
class TestFailures:
    @pytest.mark.parametrize("scoring", [None, ["r2", "neg_mean_squared_error"]], ids=["one metric", "two metrics"])
    def test_a_candidate_that_fails_scores_nan_and_is_told(self, curve: Arrays, scoring: Any) -> None:
        options: Options = {"scoring": scoring, "refit": "r2" if scoring else True, "return_train_score": True}
        with pytest.warns(FitFailedWarning, match="2 of 6 fits failed"):
            batched, usual = both(network(), {"lr": [-1.0, 0.01, 0.03]}, curve, **options)
        assert_same_search(batched, usual)
        assert np.isnan(batched.cv_results_["mean_test_r2" if scoring else "mean_test_score"][0])
        assert batched.best_params_["lr"] > 0

    def test_the_score_of_a_failure_can_be_chosen(self, curve: Arrays) -> None:
        with pytest.warns(FitFailedWarning):
            batched, usual = both(network(), {"lr": [-1.0, 0.01]}, curve, error_score=-99.0)
        assert_same_search(batched, usual)
        assert batched.cv_results_["mean_test_score"][0] == -99.0

    def test_a_candidate_that_fails_has_no_estimator(self, curve: Arrays) -> None:
        search = BatchedSearchCV(network(), {"lr": [-1.0, 0.01]}, cv=FOLDS, return_estimator=True)
        with pytest.warns(FitFailedWarning, match=r"2 of 4 fits failed and score nan.*TabularRegressor\(lr=-1.0\)"):
            search.fit(*curve)
        assert [[each is None for each in folds] for folds in search.cv_estimators_] == [[True] * 2, [False] * 2]

    def test_a_step_before_the_network_may_fail(self, rings: Arrays) -> None:
        estimator = in_fold_pipeline(TabularClassifier(**QUICK), sampler=SMOTE(random_state=0))
        with pytest.warns(FitFailedWarning):
            batched, usual = both(
                estimator, {"sample__k_neighbors": [2, 500]}, rings, scoring="neg_log_loss", cv=StratifiedKFold(2)
            )
        assert_same_search(batched, usual)

    def test_a_network_alone_may_fail(self, curve: Arrays) -> None:
        with pytest.warns(FitFailedWarning):
            batched, usual = both(network(), {"batch_norm": [True], "lr": [-1.0, 0.01]}, curve)
        assert_same_search(batched, usual)

    def test_a_value_of_the_wrong_type_is_a_failure_like_others(self, curve: Arrays) -> None:
        with pytest.warns(FitFailedWarning):
            batched, usual = both(network(), {"batch_size": [None, 32], "hidden": [8, (8,)]}, curve)
        assert_same_search(batched, usual)

    def test_a_failure_can_be_an_error(self, curve: Arrays) -> None:
        with pytest.raises(ValueError, match=r"TabularRegressor\(lr=-1.0\) cannot work"):
            BatchedSearchCV(network(), {"lr": [0.01, -1.0]}, cv=FOLDS, error_score="raise").fit(*curve)

    def test_nothing_but_failures_is_an_error(self, curve: Arrays) -> None:
        with pytest.raises(ValueError, match=r"None of the 4 fits .* succeeded; .*TabularRegressor\(lr=-1.0\)"):
            BatchedSearchCV(network(), {"lr": [-1.0, -2.0]}, cv=FOLDS).fit(*curve)

    def test_a_score_that_fails_is_nan_and_is_told(self, curve: Arrays) -> None:
        with pytest.warns(UserWarning, match="Scoring failed"):
            batched, usual = both(network(), {"lr": RATES}, curve, scoring=only_slow)
        assert_same_search(batched, usual)

    @pytest.mark.parametrize("kind", [BatchedSearchCV, BatchedHalvingSearchCV])
    def test_no_candidate_is_an_error(self, curve: Arrays, kind: Any) -> None:
        with pytest.raises(ValueError, match="no candidate or no fold: param_grid or cv is empty"):
            kind(network(), [], cv=FOLDS).fit(*curve)

    def test_no_warning_where_nothing_failed(self, curve: Arrays) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            BatchedSearchCV(network(), {"lr": RATES}, cv=FOLDS).fit(*curve)


class TestHalving:
    @pytest.mark.parametrize(
        ("candidates", "factor", "resources"),
        [
            (1, 2, (1, 8)),
            (4, 2, (1, 8)),
            (9, 3, (1, 9)),
            (10, 3, (1, 9)),
            (9, 3, (2, 5)),
            (6, 2, (1, 3)),
            pytest.param(7, 3, (1, 9)),
        ],
    )
    def test_rungs_and_the_winner_are_those_of_scikit_learn(
        self, curve: Arrays, candidates: int, factor: int, resources: tuple[int, int]
    ) -> None:
        grid = {"lr": np.geomspace(1e-4, 0.05, candidates).tolist()}
        options: Options = {"factor": factor, "min_resources": resources[0], "max_resources": resources[1], "cv": FOLDS}
        batched = BatchedHalvingSearchCV(network(), grid, return_train_score=True, **options).fit(*curve)
        usual = HalvingGridSearchCV(network(), grid, resource="max_epochs", **options).fit(*curve)
        assert batched.n_candidates_ == usual.n_candidates_
        assert batched.n_resources_ == usual.n_resources_
        assert set(batched.cv_results_) == set(usual.cv_results_)
        found, expected = (by_candidate(search.cv_results_) for search in (batched, usual))
        assert found.keys() == expected.keys()
        for candidate, score in expected.items():
            assert found[candidate] == pytest.approx(score, rel=1e-3, abs=1e-4)
        assert batched.best_params_ == usual.best_params_
        np.testing.assert_allclose(batched.predict(curve[0]), usual.predict(curve[0]), rtol=1e-4)

    def test_the_resource_may_belong_to_the_last_step_of_a_pipeline(self, curve: Arrays) -> None:
        search = BatchedHalvingSearchCV(
            piped(), {"model__lr": RATES}, resource="model__max_epochs", min_resources=2, max_resources=6, cv=FOLDS
        ).fit(*curve)
        assert (search.n_candidates_, search.n_resources_) == ([3, 1], [2, 6])
        assert list(search.cv_results_["iter"]) == [0, 0, 0, 1]
        assert list(search.cv_results_["n_resources"]) == [2, 2, 2, 6]
        assert search.best_estimator_.get_params()["model__max_epochs"] == 6
        assert search.best_index_ == 3

    def test_the_winner_comes_from_the_last_rung_though_an_earlier_one_scored_higher(self, curve: Arrays) -> None:
        search = BatchedHalvingSearchCV(network(), {"lr": RATES}, max_resources=3, cv=FOLDS, scoring=brief_and_slow)
        assert search.fit(*curve).best_params_ == {"lr": 0.001, "max_epochs": 3}
        assert search.best_score_ == -3.001 < search.cv_results_["mean_test_score"][0]

    @pytest.mark.filterwarnings("ignore:One or more of the:UserWarning")
    def test_a_candidate_that_fails_goes_no_further(self, curve: Arrays) -> None:
        search = BatchedHalvingSearchCV(
            network(), {"lr": [-1.0, 1e-4, 0.03, -2.0]}, factor=2, max_resources=4, cv=FOLDS
        )
        with pytest.warns(FitFailedWarning, match="4 of 8 fits failed"):
            search.fit(*curve)
        assert search.n_candidates_ == [4, 2, 1]
        assert search.best_params_ == {"lr": 0.03, "max_epochs": 4}

    def test_kept_estimators_are_those_of_all_rungs(self, curve: Arrays) -> None:
        search = BatchedHalvingSearchCV(
            network(), {"lr": RATES}, min_resources=1, max_resources=3, cv=FOLDS, return_estimator=True
        ).fit(*curve)
        epochs = [[len(each.history_) for each in folds] for folds in search.cv_estimators_]
        assert epochs == [[1, 1]] * 3 + [[3, 3]]

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({"resource": "epochs"}, "no parameter 'epochs'"),
            ({"resource": "lr"}, "'lr' is the resource, so param_grid must not hold it"),
            ({"factor": 1}, "self.factor=1"),
            ({"min_resources": 0}, "self.min_resources=0"),
            ({"min_resources": 9, "max_resources": 3}, "self.min_resources=9, self.max_resources=3"),
            pytest.param(
                {"scoring": ["r2", "neg_max_error"], "refit": "r2"},
                "metric",
            ),
        ],
        ids=str,
    )
    def test_options_that_cannot_work_are_named(self, curve: Arrays, options: Options, named: str) -> None:
        with pytest.raises(ValueError, match=named):
            BatchedHalvingSearchCV(network(), {"lr": RATES}, cv=FOLDS, **options).fit(*curve)

    def test_it_is_an_estimator_like_others(self) -> None:
        search = BatchedHalvingSearchCV(network(), {"lr": RATES}, resource="l1", min_resources=2, factor=4, n_jobs=2)
        copy = clone(search)
        assert copy.get_params().keys() == search.get_params().keys()
        assert (copy.resource, copy.min_resources, copy.factor, copy.n_jobs) == ("l1", 2, 4, 2)


def by_candidate(results: Options) -> dict[tuple[int, str], float]:
    """Mean score of each candidate at each rung."""
    rows = zip(results["iter"], results["params"], results["mean_test_score"], strict=True)
    return {(int(rung), repr(sorted(params.items()))): float(score) for rung, params, score in rows}


def pipeline_score(estimator: Pipeline, X: Any, y: Any) -> float:
    """R2, and what only the whole pipeline and raw rows give."""
    return float(r2_score(y, estimator.predict(X)) + len(estimator.named_steps) + np.mean(X))


def two_scores(estimator: Pipeline, X: Any, y: Any) -> dict[str, float]:
    predicted = estimator.predict(X)
    return {"r2": r2_score(y, predicted), "size": -float(np.abs(predicted).mean())}


def choose_second(results: Options) -> int:
    return 1


def brief_and_slow(estimator: TabularRegressor, X: Any, y: Any) -> float:
    return -estimator.max_epochs - estimator.lr


def only_slow(estimator: TabularRegressor, X: Any, y: Any) -> float:
    if estimator.lr > 0.05:
        raise RuntimeError("too fast to score")
    return estimator.score(X, y)
