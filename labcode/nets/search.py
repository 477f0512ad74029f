"""Search over hyperparameters: scikit-learn's interface, but all candidates and folds train as one batched network."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Self

import numpy as np
from joblib import hash as content_hash
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import GridSearchCV, ParameterGrid, check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import indexable
from sklearn.utils._indexing import _safe_indexing
from sklearn.utils.validation import _check_method_params

from labcode.nets.base import TabularEstimator
from labcode.nets.processes import in_parallel
from labcode.nets.together import Fit, TrainingRows, fit_together

Params = dict[str, Any]
Fold = tuple[np.ndarray, np.ndarray]
#: What a candidate on a fold gave, in the words of scikit-learn.
Outcome = dict[str, Any]


class BatchedSearchCV(GridSearchCV):  # type: ignore[misc]
    """scikit-learn's ``GridSearchCV`` for our estimators, with its scores, but faster.

    The networks of all candidates and folds that have the same architecture, batch size and loss train together, each
    with the initial weights, row order and dropout masks that it would have alone; other architectures follow in groups
    of their own. What else stands in a pipeline before the network (a scaler, SMOTE) is fitted once a fold. Candidates
    that cannot train together (another kind of estimator, batch norm, patience, callbacks, a module of one's own) are
    fitted one by one.

    Parameters
    ----------
    estimator
        A ``TabularRegressor`` or ``TabularClassifier``, or a pipeline that ends in one. Anything else works too, at the
        usual speed.
    param_grid
        As in ``GridSearchCV``.
    scoring, refit, cv, error_score, return_train_score
        As in ``GridSearchCV``; scores do not use sample weights.
    n_jobs
        Processes that train: ``None`` for this one, -1 for one a core.
    memory_mb
        Megabytes that the networks which train at a time in a process may need.
    return_estimator
        Whether to keep the fitted estimator of each candidate and fold.

    Attributes
    ----------
    cv_results_, best_estimator_, best_params_, best_score_, best_index_, n_splits_, scorer_, refit_time_
        As in ``GridSearchCV``; a fit's time is its share of the time that its group took.
    cv_estimators_
        Fitted estimators, a list for each candidate with one for each fold; only with ``return_estimator``.

    Examples
    --------
    >>> from labcode.nets.estimators import TabularClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2))
    >>> y = X[:, 0] * X[:, 1] > 0
    >>> network = TabularClassifier(max_epochs=20, random_state=0)
    >>> search = BatchedSearchCV(network, {"lr": [0.0001, 0.01], "hidden": [(16,), (32, 16)]}, cv=3).fit(X, y)
    >>> search.best_params_["lr"], len(search.cv_results_["params"])
    (0.01, 4)
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        param_grid: Any,
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        memory_mb: float = 1024.0,
        return_estimator: bool = False,
    ) -> None:
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.memory_mb = memory_mb
        self.return_estimator = return_estimator

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Score every candidate on every fold, then fit the best one on all rows.

        Parameters
        ----------
        X, y
            Inputs ``(n, n_features)`` and target.
        **params
            ``groups`` for the folds; everything else goes to the estimator's ``fit``, arrays of ``n`` values cut to the
            rows of the fold, such as ``sample_weight`` or, in a pipeline, ``model__sample_weight``.

        Raises
        ------
        ValueError
            If there is no candidate, or none of them could be fitted.
        """
        X, y = indexable(X, y)
        groups = params.pop("groups", None)
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        rows = _Rows(X, y, params, list(cv.split(X, y, groups)))
        self.n_splits_ = len(rows.folds)
        self.scorer_ = check_scoring(self.estimator, scoring=self.scoring)
        self.cv_estimators_: list[list[BaseEstimator | None]] = []
        self.cv_results_ = self._search(lambda candidates: self._evaluate(candidates, rows))
        if not self.return_estimator:
            del self.cv_estimators_
        self._choose()
        if self.refit:
            started = time.perf_counter()
            self.best_estimator_ = _with_params(self.estimator, self.best_params_).fit(X, y, **params)
            self.refit_time_ = time.perf_counter() - started
            if hasattr(self.best_estimator_, "feature_names_in_"):
                self.feature_names_in_ = self.best_estimator_.feature_names_in_
        return self

    def _search(self, evaluate: Callable[[list[Params]], list[Outcome]]) -> Params:
        """Evaluate the candidates, and put what came of it into scikit-learn's ``cv_results_``."""
        candidates = list(ParameterGrid(self.param_grid))
        return self._format_results(candidates, self.n_splits_, evaluate(candidates))

    def _evaluate(self, candidates: list[Params], rows: _Rows) -> list[Outcome]:
        """Train all candidates on all folds, and score them; candidates in the outer order, folds in the inner."""
        fits = train_candidates(
            [_with_params(self.estimator, candidate) for candidate in candidates],
            rows,
            n_jobs=self.n_jobs,
            memory_mb=self.memory_mb,
        )
        _report_failures(fits, self.error_score)
        self.cv_estimators_ += [
            [fit.estimator for fit in fits[i : i + self.n_splits_]] for i in range(0, len(fits), self.n_splits_)
        ]
        folds = [fold for _, fold in product(candidates, range(self.n_splits_))]
        outcomes = [self._score_fit(fit, rows, fold) for fit, fold in zip(fits, folds, strict=True)]
        return _fill_failures(outcomes, self.error_score)

    def _score_fit(self, fit: Fit, rows: _Rows, fold: int) -> Outcome:
        started = time.perf_counter()
        scores: Outcome = {"test_scores": None} | ({"train_scores": None} if self.return_train_score else {})
        if fit.estimator is not None:
            for name, part in zip(scores, ("test", "train")):
                X, y = rows.of_fold(fold, part)
                scorer, estimator = self.scorer_, fit.estimator
                if isinstance(estimator, Pipeline) and _is_named(self.scoring):
                    # Its own scorers ask for predictions only, so the steps before the network run once a fold.
                    X = rows.transformed(estimator, X, (fold, part))
                    estimator = estimator.steps[-1][1]
                scores[name] = self._score_or_none(scorer, estimator, X, y)
        return scores | {"fit_time": fit.seconds, "score_time": time.perf_counter() - started}

    def _score_or_none(self, scorer: Callable[..., Any], estimator: BaseEstimator, X: Any, y: Any) -> Any:
        try:
            return scorer(estimator, X, y)
        except Exception as error:
            if self.error_score == "raise":
                raise
            warnings.warn(f"Scoring failed and counts as {self.error_score}: {error}", UserWarning, stacklevel=6)
            return None

    def _choose(self) -> None:
        self.multimetric_ = "mean_test_score" not in self.cv_results_
        if self.multimetric_ and self.refit is not False:
            self._check_refit_for_multimetric({name: None for name in self._metric_names()})
        if self.multimetric_ and not self.refit:
            return
        metric = self.refit if self.multimetric_ else "score"
        self.best_index_ = self._select_best_index(self.refit, metric, self.cv_results_)
        self.best_params_ = self.cv_results_["params"][self.best_index_]
        if not callable(self.refit):
            self.best_score_ = self.cv_results_[f"mean_test_{metric}"][self.best_index_]

    def _metric_names(self) -> list[str]:
        prefix = "mean_test_"
        return [name.removeprefix(prefix) for name in self.cv_results_ if name.startswith(prefix)]


class BatchedHalvingSearchCV(BatchedSearchCV):
    """Successive halving: all candidates with few epochs, the best of them with more, and so on.

    Of ``n`` candidates at a rung the best ``n / factor`` go on to the next, with ``factor`` times the resource, until
    ``max_resources`` is reached. The rules are those of scikit-learn's ``HalvingGridSearchCV``; the networks of a rung
    train together.

    Parameters
    ----------
    estimator, param_grid, scoring, n_jobs, refit, cv, error_score, return_train_score, memory_mb, return_estimator
        As in :class:`BatchedSearchCV`; one metric only.
    resource
        Parameter that a rung sets, such as ``"max_epochs"`` or, in a pipeline, ``"model__max_epochs"``.
    min_resources, max_resources
        Its value at the first rung, and the most that it may have.
    factor
        How many times fewer candidates the next rung has, and how many times more of the resource.

    Attributes
    ----------
    cv_results_
        As in :class:`BatchedSearchCV`, a row for each candidate and rung, with ``iter`` and ``n_resources``.
    n_candidates_, n_resources_
        Candidates and resource of each rung.
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        param_grid: Any,
        *,
        resource: str = "max_epochs",
        min_resources: int = 1,
        max_resources: int = 27,
        factor: int = 3,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        memory_mb: float = 1024.0,
        return_estimator: bool = False,
    ) -> None:
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            error_score=error_score,
            return_train_score=return_train_score,
            memory_mb=memory_mb,
            return_estimator=return_estimator,
        )
        self.resource = resource
        self.min_resources = min_resources
        self.max_resources = max_resources
        self.factor = factor

    def _search(self, evaluate: Callable[[list[Params]], list[Outcome]]) -> Params:
        self._check_rungs()
        self.n_candidates_: list[int] = []
        self.n_resources_: list[int] = []
        survivors = list(ParameterGrid(self.param_grid))
        tried: list[Params] = []
        outcomes: list[Outcome] = []
        for rung in range(_rungs(len(survivors), self.min_resources, self.max_resources, self.factor)):
            resources = self.min_resources * self.factor**rung
            if rung:
                scores = self._format_results(tried, self.n_splits_, outcomes)["mean_test_score"][-len(survivors) :]
                survivors = [survivors[i] for i in _best(scores, -(-len(survivors) // self.factor))]
            survivors = [{**candidate, self.resource: resources} for candidate in survivors]
            self.n_candidates_.append(len(survivors))
            self.n_resources_.append(resources)
            tried += survivors
            outcomes += evaluate(survivors)
        more = {
            "iter": np.repeat(np.arange(len(self.n_candidates_)), self.n_candidates_).tolist(),
            "n_resources": [candidate[self.resource] for candidate in tried],
        }
        return dict(self._format_results(tried, self.n_splits_, outcomes, more))

    def _check_rungs(self) -> None:
        if self.resource not in self.estimator.get_params():
            raise ValueError(f"The estimator has no parameter {self.resource!r} that could be the resource.")
        if any(self.resource in candidate for candidate in ParameterGrid(self.param_grid)):
            raise ValueError(f"{self.resource!r} is the resource, so param_grid must not hold it.")
        if not (self.scoring is None or isinstance(self.scoring, str) or callable(self.scoring)):
            raise ValueError(f"Halving goes by one metric, but scoring={self.scoring!r}.")
        if self.factor < 2 or not 1 <= self.min_resources <= self.max_resources:
            raise ValueError(
                f"Expected factor >= 2 and 1 <= min_resources <= max_resources, but {self.factor=}, "
                f"{self.min_resources=}, {self.max_resources=}."
            )

    @staticmethod
    def _select_best_index(refit: Any, metric: str, results: Params) -> int:
        """The best of the last rung."""
        last = np.flatnonzero(np.asarray(results["iter"]) == np.max(results["iter"]))
        return int(last[np.argmax(np.nan_to_num(results["mean_test_score"][last], nan=-np.inf))])


def _rungs(candidates: int, least: int, most: int, factor: int) -> int:
    """Rungs until fewer candidates than ``factor`` are left, or until the next would need more than ``most``."""
    rungs = 1
    while candidates >= factor**rungs and least * factor**rungs <= most:
        rungs += 1
    return rungs


def _best(scores: np.ndarray, k: int) -> list[int]:
    """Positions of the ``k`` best scores, in order of position; a failed one counts as worst."""
    order = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")
    return sorted(int(i) for i in order[:k])


@dataclass(frozen=True, eq=False)
class _Rows:
    """All rows of a search, the parameters of ``fit`` that go with them, and the folds."""

    X: Any
    y: Any
    params: Params
    folds: list[Fold]
    known: dict[Any, Any] = field(default_factory=dict)

    def of_fold(self, fold: int, part: str) -> tuple[Any, Any]:
        positions = self.folds[fold][("train", "test").index(part)]
        return _safe_indexing(self.X, positions), None if self.y is None else _safe_indexing(self.y, positions)

    def transformed(self, pipeline: Pipeline, X: Any, where: tuple[int, str]) -> Any:
        """Rows as the last step of a fitted pipeline sees them, computed once for pipelines that share their steps."""
        key = (*where, *(id(step) for _, step in pipeline.steps[:-1]))
        if key not in self.known:
            before = clone(pipeline)
            before.steps = [*pipeline.steps[:-1], ("recorder", _Recorder())]
            self.known[key] = before.predict(X)
        return self.known[key]

    def params_of_fold(self, fold: int) -> Params:
        return dict(_check_method_params(self.X, params=self.params, indices=self.folds[fold][0]))


class _Recorder(BaseEstimator):  # type: ignore[misc]
    """Stands in for the network at the end of a pipeline, and keeps what the steps before it hand over."""

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        self.handed_over = X, y, params
        return self

    def predict(self, X: Any) -> Any:
        return X

    def __sklearn_is_fitted__(self) -> bool:
        return True


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A candidate's steps before the network, fitted on a fold, and the rows that they hand over."""

    steps: list[tuple[str, Any]]
    rows: TrainingRows


def train_candidates(
    estimators: Sequence[BaseEstimator], rows: _Rows, *, n_jobs: int | None, memory_mb: float
) -> list[Fit]:
    """Fit every estimator on every fold, networks together; estimators in the outer order, folds in the inner."""
    known: dict[tuple[int, str], _Prepared] = {}
    together: dict[int, tuple[BaseEstimator, _Prepared]] = {}
    alone: dict[int, tuple[Any, ...]] = {}
    fits: dict[int, Fit] = {}
    for i, (estimator, fold) in enumerate(product(estimators, range(len(rows.folds)))):
        if not isinstance(_network(estimator), TabularEstimator) or not _only_weights(estimator, rows.params):
            alone[i] = clone(estimator), *rows.of_fold(fold, "train"), rows.params_of_fold(fold)
            continue
        try:
            together[i] = estimator, _prepare(estimator, rows, fold, known)
        except Exception as error:  # as in scikit-learn, a candidate that cannot be fitted leaves the others alone
            fits[i] = Fit(None, error, 0.0)
    networks = [_network(estimator) for estimator, _ in together.values()]
    trained = fit_together(networks, [own.rows for _, own in together.values()], n_jobs=n_jobs, memory_mb=memory_mb)
    for (i, (estimator, own)), fit in zip(together.items(), trained, strict=True):
        fits[i] = Fit(_assemble(estimator, own, fit.estimator), fit.error, fit.seconds)
    fits |= dict(zip(alone, in_parallel(_fit_alone, list(alone.values()), n_jobs=n_jobs), strict=True))
    return [fits[i] for i in sorted(fits)]


def _network(estimator: BaseEstimator) -> Any:
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def _only_weights(estimator: BaseEstimator, params: Params) -> bool:
    """Whether the network's own share of the parameters of ``fit`` is at most a weight for each row."""
    prefix = f"{estimator.steps[-1][0]}__" if isinstance(estimator, Pipeline) else ""
    own = {name.removeprefix(prefix) for name in params if name.startswith(prefix)}
    return own <= {"sample_weight"}


def _prepare(estimator: BaseEstimator, rows: _Rows, fold: int, known: dict[tuple[int, str], _Prepared]) -> _Prepared:
    """Fit the steps before the network on the fold's training rows, once for all candidates that share them."""
    steps = estimator.steps[:-1] if isinstance(estimator, Pipeline) else []
    key = (fold, _name_of(steps))
    if key not in known:
        X, y = rows.of_fold(fold, "train")
        params = rows.params_of_fold(fold)
        if isinstance(estimator, Pipeline):
            pipeline = clone(estimator)
            pipeline.steps[-1] = (pipeline.steps[-1][0], _Recorder())
            X, y, params = pipeline.fit(X, y, **params).steps[-1][1].handed_over
            steps = pipeline.steps[:-1]
        known[key] = _Prepared(steps, TrainingRows(X, y, params.get("sample_weight")))
    return known[key]


def _name_of(steps: list[tuple[str, Any]]) -> str:
    """The same for equal steps; steps that cannot be pickled, such as a lambda, equal no others."""
    try:
        return str(content_hash(steps))
    except Exception:
        return f"no other {id(steps)}"


def _assemble(estimator: BaseEstimator, own: _Prepared, network: TabularEstimator | None) -> Any:
    """The fitted pipeline around a fitted network, or the network itself."""
    if network is None or not isinstance(estimator, Pipeline):
        return network
    pipeline = clone(estimator)
    pipeline.steps = [*own.steps, (estimator.steps[-1][0], network)]
    return pipeline


def _fit_alone(estimator: BaseEstimator, X: Any, y: Any, params: Params) -> Fit:
    started = time.perf_counter()
    try:
        fitted, failure = estimator.fit(X, y, **params), None
    except Exception as error:  # as above
        fitted, failure = None, error
    return Fit(fitted, failure, time.perf_counter() - started)


def _with_params(estimator: BaseEstimator, params: Params) -> Any:
    return clone(estimator).set_params(**clone(params, safe=False))


def _is_named(scoring: Any) -> bool:
    """Whether all scores are scikit-learn's own, named by strings."""
    names = scoring.values() if isinstance(scoring, dict) else [scoring] if isinstance(scoring, str) else scoring or []
    return not callable(scoring) and all(isinstance(name, str) for name in names)


def _report_failures(fits: Sequence[Fit], error_score: Any) -> None:
    errors = [fit.error for fit in fits if fit.error is not None]
    if not fits:
        raise ValueError("The search has no candidate or no fold: param_grid or cv is empty.")
    if errors and error_score == "raise":
        raise errors[0]
    if len(errors) == len(fits):
        raise ValueError(f"None of the {len(fits)} fits of the search succeeded; the first failed with: {errors[0]}")
    if errors:
        message = f"{len(errors)} of {len(fits)} fits failed and score {error_score}; the first with: {errors[0]}"
        warnings.warn(message, FitFailedWarning, stacklevel=4)


def _fill_failures(outcomes: list[Outcome], error_score: float) -> list[Outcome]:
    """Give failed fits the error score, for each metric where there are several."""

    def fill(scores: Any, like: Any) -> Any:
        if scores is not None:
            return scores
        return dict.fromkeys(like, error_score) if isinstance(like, dict) else error_score

    names = [name for name in ("test_scores", "train_scores") if name in outcomes[0]]
    for name in names:
        like = next((outcome[name] for outcome in outcomes if outcome[name] is not None), error_score)
        for outcome in outcomes:
            outcome[name] = fill(outcome[name], like)
    return outcomes
