"""Search over hyperparameters: scikit-learn's searches, but all candidates and folds train as one batched network.

scikit-learn clones its estimator once for each candidate and fold, in order, then fits and scores the clone. Here all
fits of a round are done before the first clone is asked for, and the clones that it gets are the fitted estimators.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Self

import numpy as np
from joblib import hash as content_hash
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils.validation import _check_method_params

from labcode.nets.base import TabularEstimator
from labcode.nets.processes import in_parallel
from labcode.nets.together import Fit, TrainingRows, fit_error, fit_together

Params = dict[str, Any]
Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


class _FitsFirst:
    """What turns one of scikit-learn's searches into one whose networks train together."""

    estimator: Any
    n_jobs: int | None
    _fits: Fits

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Score every candidate on every fold, then fit the best one on all rows.

        ``X`` ``(n, n_features)`` and target; ``params`` as in scikit-learn, with metadata routing or without:
        ``groups`` for the folds, and what the estimator's ``fit`` takes, such as ``sample_weight`` or, in a pipeline,
        ``model__sample_weight``. `ValueError` if there is no candidate, or none of them could be fitted.
        """
        X, y = indexable(X, y)
        routed = self._get_routed_params_for_fit(_check_method_params(X, params=params))  # type: ignore[attr-defined]
        search = copy(self)
        search._fits = Fits(self.estimator, X, y, routed.estimator.fit, routed.splitter.split, self.n_jobs)
        search.estimator, search.n_jobs = search._fits.stand_in, None  # only scoring is left to do, here
        super(_FitsFirst, search).fit(X, y, **params)  # type: ignore[misc]
        vars(self).update({name: value for name, value in vars(search).items() if name.endswith("_")})
        self.cv_estimators_ = search._fits.networks(self.n_splits_)  # type: ignore[attr-defined]
        return self

    def _run_search(self, evaluate_candidates: Callable[..., Any], *, callback_ctx: Any = None) -> None:
        def evaluate(candidates: Iterable[Params], cv: Any = None, **more: Any) -> Any:
            candidates = sorted(candidates, key=self._place)
            folds = self._fits.train(candidates, cv or self._checked_cv_orig)  # type: ignore[attr-defined]
            return evaluate_candidates(candidates, check_cv(folds), **more)

        context = {} if callback_ctx is None else {"callback_ctx": callback_ctx}
        super()._run_search(evaluate, **context)  # type: ignore[misc]

    def _place(self, candidate: Params) -> int:
        """What candidates are sorted by; those with equal values keep their order."""
        return 0

    def _format_results(self, candidates: list[Params], n_splits: int, out: list[Any], more: Any = None) -> Any:
        for outcome, fit in zip(out, self._fits.done, strict=True):
            outcome["fit_time"] = fit.seconds
        return super()._format_results(candidates, n_splits, out, more)  # type: ignore[misc]


class BatchedSearchCV(_FitsFirst, GridSearchCV):  # type: ignore[misc]
    """scikit-learn's ``GridSearchCV`` for our estimators, with its parameters and its scores, but faster.

    The networks of all candidates and folds that have the same architecture, batch size and loss train together, each
    with the initial weights, row order and dropout masks that it would have alone. What else stands in a pipeline
    before the network (a scaler, SMOTE) is fitted once a fold. Candidates that cannot train together (another kind of
    estimator, patience, callbacks, a module of one's own) are fitted one by one.

    Parameters
    ----------
    estimator
        A ``TabularRegressor`` or ``TabularClassifier``, or a pipeline that ends in one. Anything else works too, at the
        usual speed.
    param_grid, scoring, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        As in ``GridSearchCV``; ``pre_dispatch`` has no effect, since groups of networks are what is dispatched.
    n_jobs
        Processes that train: ``None`` for this one, -1 for one a core.

    Attributes
    ----------
    cv_results_, best_estimator_, best_params_, best_score_, best_index_, n_splits_, scorer_, refit_time_
        As in ``GridSearchCV``; a fit's time is its share of the time that its group took.
    cv_estimators_
        The fitted networks, in their pipelines, a list for each candidate with one for each fold; ``None`` for one that
        could not be fitted, or is another kind of estimator.

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


class BatchedHalvingSearchCV(_FitsFirst, HalvingGridSearchCV):  # type: ignore[misc]
    """scikit-learn's ``HalvingGridSearchCV``, the networks of a rung trained together.

    Of ``n`` candidates at a rung the best ``n / factor`` go on to the next, with ``factor`` times the resource, such as
    ``resource="max_epochs"`` or, in a pipeline, ``"model__max_epochs"``. Parameters and attributes are scikit-learn's,
    and ``cv_estimators_`` as in :class:`BatchedSearchCV`, in the order of the rows of ``cv_results_``.
    """

    def _place(self, candidate: Params) -> int:
        """Its place in the grid: a rung keeps the grid's order, whatever the scores of the last one."""
        own = {name: value for name, value in candidate.items() if name != self.resource}
        return list(map(repr, self._generate_candidate_params())).index(repr(own))


@dataclass(eq=False)
class Fits:
    """The fits of a search: done together, then handed out one by one to whoever clones :attr:`stand_in`."""

    estimator: Any
    X: Any
    y: Any
    fit_params: Params
    split_params: Params
    n_jobs: int | None
    done: list[Fit] = field(default_factory=list)
    waiting: deque[Any] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.stand_in = copy(self.estimator)
        self.stand_in.__sklearn_clone__ = self._next
        self.waiting.append(self.stand_in)  # what scikit-learn takes as the estimator to clone from then on

    def _next(self) -> Any:
        return self.waiting.popleft() if self.waiting else clone(self.estimator)

    def train(self, candidates: Sequence[Params], cv: Any) -> list[Fold]:
        """Fit every candidate on every fold, and say what the folds are."""
        folds = list(cv.split(self.X, self.y, **self.split_params))
        pairs = list(product([_with_params(self.estimator, candidate) for candidate in candidates], folds))
        fits = fit_candidates(pairs, self)
        self.done += fits
        self.waiting.extend(_fitted(fit, estimator) for fit, (estimator, _) in zip(fits, pairs, strict=True))
        return folds

    def rows(self, places: NDArray[np.intp]) -> tuple[Any, Any, Params]:
        """Inputs, targets and parameters of ``fit`` for the rows at these places."""
        y = None if self.y is None else _safe_indexing(self.y, places)
        params = dict(_check_method_params(self.X, params=self.fit_params, indices=places))
        return _safe_indexing(self.X, places), y, params

    def networks(self, n_splits: int) -> list[list[Any]]:
        """The fitted networks of each candidate, one a fold."""
        kept = [fit.estimator if isinstance(_network(fit.estimator), TabularEstimator) else None for fit in self.done]
        return [kept[i : i + n_splits] for i in range(0, len(kept), n_splits)]


def _fitted(fit: Fit, estimator: Any) -> Any:
    """A fitted estimator as one whose ``fit`` is already done: it returns at once, or raises what went wrong."""
    ready = copy(estimator if fit.estimator is None else fit.estimator)

    def refit(*args: Any, **params: Any) -> Any:
        if fit.error is not None:
            raise fit.error
        return ready

    ready.fit, ready.set_params = refit, lambda **params: ready
    return ready


def fit_candidates(pairs: Sequence[tuple[Any, Fold]], search: Fits) -> list[Fit]:
    """Fit each estimator on the training rows of its fold, networks together."""
    prepared: dict[Any, _Prepared] = {}
    together: dict[int, _Prepared] = {}
    alone: dict[int, tuple[Any, ...]] = {}
    fits: dict[int, Fit] = {}
    for i, (estimator, (train, _)) in enumerate(pairs):
        if not isinstance(_network(estimator), TabularEstimator) or not _only_weights(estimator, search.fit_params):
            alone[i] = clone(estimator), *search.rows(train)
            continue
        key = (id(train), _name_of_steps(estimator))
        try:
            together[i] = prepared[key] = prepared.get(key) or _prepare(estimator, *search.rows(train))
        except Exception as error:  # as in scikit-learn, a candidate that cannot be fitted leaves the others alone
            fits[i] = Fit(None, error, 0.0)
    networks = [_network(pairs[i][0]) for i in together]
    trained = fit_together(networks, [own.rows for own in together.values()], n_jobs=search.n_jobs)
    for (i, own), fit in zip(together.items(), trained, strict=True):
        fits[i] = Fit(_assemble(pairs[i][0], own, fit.estimator), fit.error, fit.seconds)
    fits |= dict(zip(alone, in_parallel(_fit_alone, list(alone.values()), n_jobs=search.n_jobs), strict=True))
    return [fits[i] for i in sorted(fits)]


class _Recorder(BaseEstimator):  # type: ignore[misc]
    """Stands in for the network at the end of a pipeline, and keeps what the steps before it hand over."""

    def __init__(self, network: Any) -> None:
        self.network = network

    def get_metadata_routing(self) -> Any:
        return self.network.get_metadata_routing()

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        self.handed_over = X, y, params
        return self


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A candidate's steps before the network, fitted on a fold, and the rows that they hand over."""

    steps: list[tuple[str, Any]]
    rows: TrainingRows


def _prepare(estimator: Any, X: Any, y: Any, params: Params) -> _Prepared:
    steps: list[tuple[str, Any]] = []
    if isinstance(estimator, Pipeline):
        pipeline = clone(estimator)
        pipeline.steps[-1] = (pipeline.steps[-1][0], _Recorder(pipeline.steps[-1][1]))
        X, y, params = pipeline.fit(X, y, **params).steps[-1][1].handed_over
        steps = pipeline.steps[:-1]
    return _Prepared(steps, TrainingRows(X, y, params.get("sample_weight")))


def _assemble(estimator: Any, own: _Prepared, network: TabularEstimator | None) -> Any:
    """The fitted pipeline around a fitted network, or the network itself."""
    if network is None or not isinstance(estimator, Pipeline):
        return network
    pipeline = clone(estimator)
    pipeline.steps = [*own.steps, (estimator.steps[-1][0], network)]
    return pipeline


def _fit_alone(estimator: Any, X: Any, y: Any, params: Params) -> Fit:
    started = time.perf_counter()
    error = fit_error(estimator, X, y, **params)
    return Fit(None if error else estimator, error, time.perf_counter() - started)


def _network(estimator: Any) -> Any:
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def _only_weights(estimator: Any, params: Params) -> bool:
    """Whether the network's own share of the parameters of ``fit`` is at most a weight for each row."""
    prefix = f"{estimator.steps[-1][0]}__" if isinstance(estimator, Pipeline) else ""
    return {name.removeprefix(prefix) for name in params if name.startswith(prefix)} <= {"sample_weight"}


def _name_of_steps(estimator: Any) -> str:
    """The same for equal steps before the network; those that cannot be pickled, such as a lambda, equal no others."""
    steps = estimator.steps[:-1] if isinstance(estimator, Pipeline) else []
    try:
        return str(content_hash(steps))
    except Exception:
        return f"no other {id(estimator)}"


def _with_params(estimator: Any, params: Params) -> Any:
    return clone(estimator).set_params(**clone(params, safe=False))
