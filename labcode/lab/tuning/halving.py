"""A cheaper search: successive halving over the same settings."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Annotated

import numpy as np
from sklearn.model_selection import ParameterGrid

from labcode.lab.needs import on_prices
from labcode.lab.quantities import Data, Stored
from labcode.lab.regression.network import Floats
from labcode.lab.tuning.experiments import grids, rows_of_search
from labcode.lab.tuning.results import Halved, Searched
from labcode.lab.tuning.search import search
from labcode.lab.tuning.settings import Halving, Search
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.results.run import typed


@dataclass(frozen=True, kw_only=True)
class HalvingSpec:
    """The search, and the rungs of the cheaper one."""

    search: Annotated[Search, "tuning.search"]
    halving: Annotated[Halving, "tuning.halving"]


def run_halving(spec: HalvingSpec, *, data: Data, results: Stored, progress: Progress) -> Halved:
    """Successive halving over the search's candidates, beside what a full search of the same cost would find."""
    from labcode.nets.search import BatchedHalvingSearchCV

    full, most = typed(Searched, results[Searched.experiment]).frame, max(spec.search.epochs)
    rivals = full.loc[full["epochs"] == most, "score"].to_numpy()
    days, folds = rows_of_search(data["prices"].frame, spec.search)
    grid = grids(spec.search, epochs=False)
    halved = search(
        days,
        grid,
        folds,
        spec.search.batch_size,
        kind=BatchedHalvingSearchCV,
        n_jobs=-1,
        resource="network__max_epochs",
        min_resources=spec.halving.min_epochs,
        max_resources=most,
        factor=spec.halving.factor,
    )
    tried, found = list(ParameterGrid(grid)), halved.cv_results_
    candidates = [tried.index({name: params[name] for name in tried[0]}) for params in found["params"]]
    cost = sum(n * epochs for n, epochs in zip(halved.n_candidates_, halved.n_resources_, strict=True))
    best = float(found["mean_test_score"][halved.best_index_])
    return Halved(
        candidates=Number(len(tried)),
        epochs=Number(cost),
        full_epochs=Number(len(rivals) * most),
        affordable=Number(cost // most),
        better_in_full=Number(int((rivals > best + 1e-6).sum())),
        best_rmse=Number(-best),
        full_rmse=Number(-float(rivals.max())),
        affordable_rmse=Number(-expected_best(rivals, cost // most)),
        rungs=np.column_stack([candidates, found["n_resources"], -found["mean_test_score"]]).astype(np.float64),
    )


def expected_best(scores: Floats, draws: int) -> float:
    """Expected maximum of ``draws`` scores drawn from ``scores`` without replacement.

    Examples
    --------
    >>> round(expected_best(np.array([1.0, 2.0, 3.0]), 2), 2)
    2.67
    """
    ordered, n = np.sort(scores), len(scores)
    return float(sum(value * comb(k, draws - 1) for k, value in enumerate(ordered)) / comb(n, draws))


EXPERIMENTS = (on_prices(run_halving, needs=(Searched.experiment,), seconds=15),)
