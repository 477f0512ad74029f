"""The batched searches: what scikit-learn's own would have found, in its own words."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import sklearn
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import Pipeline
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, GroupKFold, HalvingGridSearchCV, KFold, StratifiedKFold
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from labcode.nets.estimators import TabularClassifier, TabularRegressor
from labcode.nets.search import BatchedHalvingSearchCV, BatchedSearchCV

Arrays = tuple[npt.NDArray[Any], npt.NDArray[Any]]
Options = dict[str, Any]

QUICK: Options = {"hidden": (8,), "max_epochs": 2, "batch_size": 32, "random_state": 0}
RATES = [0.001, 0.01, 0.1]
FOLDS = KFold(2)
pytestmark = pytest.mark.filterwarnings("ignore:One or more of the:UserWarning")


@pytest.fixture(scope="module")
def few(curve: Arrays) -> Arrays:
    return curve[0][:110], curve[1][:110] / 100


@pytest.fixture(scope="module")
def classes(rings: Arrays) -> Arrays:
    return rings[0][:110], rings[1][:110]


def network(**options: Any) -> TabularRegressor:
    return TabularRegressor(**{**QUICK, **options})


def piped(model: BaseEstimator | None = None, sample: Any = None) -> Pipeline:
    return Pipeline([("scale", StandardScaler()), ("sample", sample), ("model", model or network())])


def both(
    estimator: BaseEstimator, grid: Any, rows: Arrays, *, fit: Options | None = None, **options: Any
) -> tuple[BatchedSearchCV, GridSearchCV]:
    """The batched search and scikit-learn's, fitted alike; the latter keeps its warnings to itself."""
    options = {"cv": FOLDS, **options}
    batched = BatchedSearchCV(estimator, grid, **options).fit(*rows, **(fit or {}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return batched, GridSearchCV(estimator, grid, **options).fit(*rows, **(fit or {}))


def assert_same_search(batched: BatchedSearchCV, usual: GridSearchCV, tolerance: float = 1e-3) -> None:
    """The same table: columns, candidates and scores; and the same choice."""
    found, expected = batched.cv_results_, usual.cv_results_
    assert set(found) == set(expected)
    assert repr(found["params"]) == repr(expected["params"])
    for name in expected:
        if name.startswith(("split", "mean_test", "mean_train", "std_test")):
            np.testing.assert_allclose(found[name], expected[name], rtol=tolerance, atol=tolerance / 10, err_msg=name)
    assert vars(batched).keys() - {"cv_estimators_"} == {n for n in vars(usual) if n != "_checked_cv_orig"}
    assert repr(batched.best_params_) == repr(usual.best_params_)


GRIDS: list[Options] = [
    {"lr": [0.003, 0.03], "hidden": [(8,), (4, 4)], "dropout": [0.0, 0.3]},
    {"lr": [0.003, 0.03], "batch_size": [20, "full"], "weight_decay": [0.0, 0.1]},
    {"lr": [0.003, 0.03], "max_epochs": [1, 3], "optimizer": ["adam", "sgd", "adamw"]},
    {"lr": [0.003, 0.03], "patience": [None, 1], "validation_fraction": [0.3]},
]


class TestSearch:
    @pytest.mark.parametrize("grid", GRIDS, ids=str)
    def test_any_grid_of_regressors(self, few: Arrays, grid: Options) -> None:
        assert_same_search(*both(network(), grid, few, cv=KFold(3, shuffle=True, random_state=0)))

    @pytest.mark.parametrize("grid", [*GRIDS[:2], [{"lr": RATES}, {"class_weight": ["balanced"]}]], ids=str)
    def test_any_grid_of_classifiers(self, classes: Arrays, grid: Any) -> None:
        options: Options = {"scoring": "neg_log_loss", "return_train_score": True, "cv": 3}
        assert_same_search(*both(TabularClassifier(**QUICK), grid, classes, **options))

    def test_the_best_is_fitted_on_all_rows_and_answers_for_the_search(self, few: Arrays) -> None:
        frame = pd.DataFrame(few[0], columns=["a", "b", "c"])
        search = BatchedSearchCV(network(), {"lr": RATES}, cv=FOLDS).fit(frame, few[1])
        expected = network(**search.best_params_).fit(frame, few[1])
        np.testing.assert_array_equal(search.predict(frame), expected.predict(frame))
        assert search.score(frame, few[1]) == expected.score(frame, few[1])
        assert search.feature_names_in_.tolist() == ["a", "b", "c"] and search.n_features_in_ == 3
        assert search.estimator.get_params() == network().get_params() and not hasattr(search.estimator, "net_")

    def test_it_takes_scikit_learns_arguments(self, few: Arrays, capsys: pytest.CaptureFixture[str]) -> None:
        search = BatchedSearchCV(network(), {"lr": RATES}, cv=FOLDS, verbose=2, pre_dispatch="all", n_jobs=1)
        assert clone(search).get_params().keys() == GridSearchCV(network(), {}).get_params().keys()
        search.fit(*few)
        printed = capsys.readouterr().out
        assert "Fitting 2 folds for each of 3 candidates, totalling 6 fits" in printed
        assert printed.count("[CV] END") == 6

    def test_folds_that_are_drawn_anew_each_time_are_drawn_once(self, few: Arrays) -> None:
        X, y = few
        folds: list[Any] = []

        class Drawn(KFold):
            def split(self, X: Any, y: Any = None, groups: Any = None) -> Any:
                folds.extend(super().split(X))
                yield from folds

        search = BatchedSearchCV(network(), {"lr": [0.01]}, cv=Drawn(2, shuffle=True)).fit(X, y)
        assert len(folds) == 2
        for k, ((_, test), own) in enumerate(zip(folds, search.cv_estimators_[0], strict=True)):
            assert own.score(X[test], y[test]) == search.cv_results_[f"split{k}_test_score"][0]

    def test_networks_are_those_that_were_scored_and_time_is_a_share_of_the_groups(self, few: Arrays) -> None:
        X, y = few
        search = BatchedSearchCV(piped(), {"model__lr": RATES}, cv=FOLDS).fit(X, y)
        for i, (lr, estimators) in enumerate(zip(RATES, search.cv_estimators_, strict=True)):
            for k, (estimator, (_, test)) in enumerate(zip(estimators, FOLDS.split(X), strict=True)):
                assert estimator.get_params()["model__lr"] == lr
                assert estimator.score(X[test], y[test]) == search.cv_results_[f"split{k}_test_score"][i]
        assert len(set(search.cv_results_["mean_fit_time"])) == 1 and search.cv_results_["mean_fit_time"][0] > 0


class TestScoring:
    @pytest.mark.parametrize(
        "options",
        [
            {"scoring": ["r2", "neg_mean_squared_error"], "refit": "r2", "return_train_score": True},
            {"scoring": lambda estimator, X, y: r2_score(y, estimator.predict(X)) + len(estimator) + X.mean()},
            {"scoring": lambda estimator, X, y: {"size": -np.abs(estimator.predict(X)).mean()}, "refit": "size"},
            {"refit": lambda results: 1},
            {"refit": False},
        ],
        ids=["several metrics", "of the pipeline", "a dictionary", "a choice of one's own", "no refit"],
    )
    def test_functions_see_the_fitted_pipeline_and_raw_rows(self, few: Arrays, options: Options) -> None:
        assert_same_search(*both(piped(), {"model__lr": RATES}, few, **options))


class Spied(SMOTE):
    """SMOTE that notes which rows it sees."""

    seen: ClassVar[list[set[tuple[float, ...]]]] = []

    def fit_resample(self, X: Any, y: Any, **params: Any) -> Any:
        self.seen.append(set(map(tuple, X)))
        return super().fit_resample(X, y, **params)


class TestPipelines:
    def test_smote_sees_no_row_that_is_scored(self, classes: Arrays) -> None:
        estimator = Pipeline([("sample", Spied(k_neighbors=2)), ("model", TabularClassifier(**QUICK))])
        BatchedSearchCV(estimator, {"model__lr": RATES}, cv=(cv := StratifiedKFold(2)), refit=False).fit(*classes)
        assert Spied.seen == [set(map(tuple, classes[0][train])) for train, _ in cv.split(*classes)], "once a fold"

    def test_samplers_and_scalers_are_those_of_scikit_learn(self, classes: Arrays) -> None:
        samplers = [None, SMOTE(random_state=1, k_neighbors=2), RandomOverSampler(random_state=0)]
        grid = {"sample": samplers, "model__lr": [0.003, 0.03], "scale": [StandardScaler(), MinMaxScaler()]}
        options: Options = {"cv": StratifiedKFold(2), "scoring": "neg_log_loss", "return_train_score": True}
        batched, usual = both(piped(TabularClassifier(**QUICK)), grid, classes, **options)
        assert_same_search(batched, usual)
        scores = batched.cv_results_["mean_test_score"]
        assert len(set(np.round(scores, 6))) == 12, "no two candidates may be mistaken for each other"
        np.testing.assert_allclose(batched.predict_proba(classes[0]), usual.predict_proba(classes[0]), rtol=1e-3)

    @pytest.mark.parametrize("routing", [False, True])
    def test_groups_for_the_folds_and_weights_for_the_network(self, few: Arrays, routing: bool) -> None:
        weight = np.where(np.arange(110) % 3 == 0, 20.0, 0.1)
        groups = np.repeat(np.arange(22), 5)
        estimator, name = piped(), "sample_weight" if routing else "model__sample_weight"
        with sklearn.config_context(enable_metadata_routing=routing):
            if routing:
                estimator[0].set_fit_request(sample_weight=False)
                estimator[-1].set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
            fit = {"groups": groups, name: weight}
            batched, usual = both(estimator, {"model__lr": RATES}, few, cv=GroupKFold(3), fit=fit)
        assert_same_search(batched, usual)
        unweighted = BatchedSearchCV(piped(), {"model__lr": RATES}, cv=GroupKFold(3)).fit(*few, groups=groups)
        difference = unweighted.cv_results_["mean_test_score"] - batched.cv_results_["mean_test_score"]
        assert np.abs(difference).min() > 1e-3

    def test_a_step_that_is_a_lambda_and_networks_beside_other_estimators(self, few: Arrays) -> None:
        estimator = Pipeline([("double", FunctionTransformer(lambda X: 2 * X)), ("model", network())])
        batched, usual = both(estimator, {"model": [network(lr=0.03), Ridge(), network(lr=0.01)]}, few)
        assert_same_search(batched, usual)
        assert isinstance(batched.best_params_["model"], Ridge) and batched.cv_estimators_[1] == [None, None]


class TestFailures:
    @pytest.mark.parametrize(
        ("grid", "options"),
        [
            ({"lr": [-1.0, 0.01, 0.03]}, {"return_train_score": True}),
            ({"lr": [-1.0, 0.01]}, {"scoring": ["r2", "neg_mean_squared_error"], "refit": "r2", "error_score": -99.0}),
            ({"patience": [1], "lr": [-1.0, 0.01]}, {}),
            ({"batch_size": [None, 32], "hidden": [8, (8,)]}, {}),
        ],
        ids=str,
    )
    def test_candidates_that_fail_score_as_in_scikit_learn(self, few: Arrays, grid: Options, options: Options) -> None:
        with pytest.warns(FitFailedWarning, match=r"(?s)fits failed out of a total of .*TabularRegressor\(.*expected"):
            batched, usual = both(network(), grid, few, **options)
        assert_same_search(batched, usual)
        assert batched.cv_estimators_[0] == [None, None] != batched.cv_estimators_[-1]

    def test_a_step_before_the_network_may_fail(self, classes: Arrays) -> None:
        estimator = piped(TabularClassifier(**QUICK), SMOTE(random_state=0))
        options: Options = {"scoring": "neg_log_loss", "cv": StratifiedKFold(2)}
        with pytest.warns(FitFailedWarning):
            assert_same_search(*both(estimator, {"sample__k_neighbors": [2, 500]}, classes, **options))

    def test_what_fails_can_be_an_error_and_nothing_but_failures_or_no_candidate_is_one(self, few: Arrays) -> None:
        cases: list[tuple[Any, Options, str]] = [
            ({"lr": [0.01, -1.0]}, {"error_score": "raise"}, r"TabularRegressor\(lr=-1.0\) cannot work"),
            ({"lr": [-1.0, -2.0]}, {}, r"(?s)All the 4 fits failed.*TabularRegressor\(lr=-1.0\)"),
            ([], {}, "No fits were performed"),
        ]
        for grid, options, says in cases:
            with pytest.raises(ValueError, match=says):
                BatchedSearchCV(network(), grid, cv=FOLDS, **options).fit(*few)


class TestHalving:
    @pytest.mark.parametrize(("candidates", "factor", "most"), [(1, 2, 8), (9, 3, 9), (6, 2, 3)])
    def test_rungs_scores_and_the_winner_are_those_of_scikit_learn(
        self, few: Arrays, candidates: int, factor: int, most: int
    ) -> None:
        grid = {"model__lr": np.geomspace(1e-4, 0.05, candidates).tolist()}
        options: Options = {"factor": factor, "min_resources": 1, "max_resources": most, "cv": FOLDS}
        options["resource"] = "model__max_epochs"
        batched = BatchedHalvingSearchCV(piped(), grid, **options).fit(*few)
        usual = HalvingGridSearchCV(piped(), grid, **options).fit(*few)
        assert (batched.n_candidates_, batched.n_resources_) == (usual.n_candidates_, usual.n_resources_)
        assert set(batched.cv_results_) == set(usual.cv_results_)
        found, expected = (by_candidate(search.cv_results_) for search in (batched, usual))
        assert found.keys() == expected.keys()
        assert [found[candidate] for candidate in expected] == pytest.approx([*expected.values()], rel=1e-3, abs=1e-4)
        assert batched.best_params_ == usual.best_params_
        last = [row["model__lr"] for row in batched.cv_results_["params"][-batched.n_candidates_[-1] :]]
        assert last == sorted(last), "a rung keeps the order of the grid"

    def test_a_candidate_that_fails_goes_no_further(self, few: Arrays) -> None:
        options: Options = {"factor": 2, "resource": "max_epochs", "min_resources": 1, "max_resources": 4, "cv": FOLDS}
        search = BatchedHalvingSearchCV(network(), {"lr": [-1.0, 1e-4, 0.03, -2.0]}, **options)
        with pytest.warns(FitFailedWarning, match="4 fits failed out of a total of 8"):
            search.fit(*few)
        assert search.n_candidates_ == [4, 2, 1] and search.best_params_ == {"lr": 0.03, "max_epochs": 4}


def by_candidate(results: Options) -> dict[tuple[int, str], float]:
    """Mean score of each candidate at each rung."""
    rows = zip(results["iter"], results["params"], results["mean_test_score"], strict=True)
    return {(int(rung), repr(sorted(params.items()))): float(score) for rung, params, score in rows}
