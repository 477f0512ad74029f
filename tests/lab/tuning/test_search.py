"""The sound search: scikit-learn's scores, folds that look ahead of nothing, and experiments on the quick profile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.model_selection import GridSearchCV, ParameterGrid

from labcode.book.plots import LIGHT
from labcode.data.simulate import simulate_prices
from labcode.lab import load
from labcode.lab.config import configured
from labcode.lab.tuning import figures, tables
from labcode.lab.tuning.experiments import ends, grids, rows_of_search, start_params
from labcode.lab.tuning.results import OPTIMIZER_NAMES, FirstSearch, Halved, Searched
from labcode.lab.tuning.search import search
from labcode.lab.tuning.settings import Search
from labcode.lab.verdicts import verdict
from labcode.nets.search import BatchedSearchCV

PRICES = simulate_prices(n_symbols=4).astype({"symbol": "category"}).reset_index(drop=True)
QUICK = configured(Search, "tuning.search", profile="quick")


def test_the_fast_search_has_the_scores_of_scikit_learns() -> None:
    days, folds = rows_of_search(PRICES, QUICK)
    grid = {"network__optimizer": ["adam", "sgd"], "network__hidden": [(8, 4), (6, 3)], "network__max_epochs": [1, 2]}
    plain, fast = (search(days, grid, folds, 256, kind=kind).cv_results_ for kind in (GridSearchCV, BatchedSearchCV))
    assert plain["params"] == fast["params"] and len(plain["params"]) == 8
    np.testing.assert_allclose(fast["mean_test_score"], plain["mean_test_score"], rtol=1e-5)
    np.testing.assert_array_equal(fast["rank_test_score"], plain["rank_test_score"])


def test_a_start_that_the_grid_lacks_becomes_a_candidate() -> None:
    inside = list(ParameterGrid(grids(QUICK)))
    moved = replace(QUICK, start=replace(QUICK.start, lr=0.0123))
    outside = list(ParameterGrid(grids(moved)))
    assert start_params(QUICK.start) in inside and len(outside) == len(inside) + 1
    assert outside.index(start_params(moved.start)) == len(inside)
    assert all("network__max_epochs" not in params for params in ParameterGrid(grids(moved, epochs=False)))


def test_ends_of_axes_are_counted_for_the_winners_optimiser() -> None:
    layers = ((8, 4), (16, 8), (32, 16))
    spec = replace(QUICK, adam=(0.001, 0.003, 0.01), sgd=(0.01, 0.1), epochs=(1, 2, 4), hidden=layers)
    middle = {"network__optimizer": "adam", "network__lr": 0.003, "network__max_epochs": 2, "network__hidden": (16, 8)}
    assert ends(middle, spec) == 0
    assert ends({**middle, "network__lr": 0.01, "network__hidden": (8, 4)}, spec) == 2
    assert ends({**middle, "network__optimizer": "sgd", "network__lr": 0.1}, spec) == 1


def test_the_winner_is_the_best_of_all_candidates(quick_store: Path) -> None:
    searched = load(Searched)
    frame = searched.frame
    assert len(frame) == searched.candidates and searched.fits == searched.candidates * searched.folds
    winner = searched.best[1]
    assert winner.rank == 1 and float(searched.best_score) == pytest.approx(frame["score"].max())
    assert float(winner.rmse) == -float(searched.best_score) and winner.over == 0
    best = frame.iloc[int(frame["score"].argmax())]
    assert winner.words.startswith(f"{OPTIMIZER_NAMES[best['optimizer']]}, rate {best['lr']:g}")
    assert list(searched.best) == list(range(1, int(searched.paired.value) + 2))
    assert searched.tied == sum(setting.over.low <= 0 for rank, setting in searched.best.items() if rank > 1)
    assert list(searched.replay) == list(range(2, searched.folds + 1))


def test_with_the_fault_nothing_but_the_mean_is_learned(quick_store: Path) -> None:
    first = load(FirstSearch)
    assert first.echo_score > first.mean_score and first.scores.shape == (first.seeds, len(first.candidates))
    assert float(first.best_score) == pytest.approx(first.scores.max(axis=1).mean())
    assert np.std(first.predicted) < np.std(first.predicted_aligned) / 2
    assert first.warning.startswith("Using a target size")
    fails = first.best_rmse_aligned < first.best_rmse / 10
    assert verdict("tuning.improved").outcome == ("doesn't hold" if fails else "not shown")


def test_halving_ends_with_few_of_the_candidates(quick_store: Path) -> None:
    halved = load(Halved)
    rungs = figures.rungs(halved)
    sizes = rungs.groupby("epochs").size()
    assert sizes.is_monotonic_decreasing and sizes.iloc[0] == halved.candidates
    assert (sizes * sizes.index).sum() == halved.epochs <= halved.full_epochs
    last = rungs.loc[rungs["epochs"] == rungs["epochs"].max(), "RMSE"]
    assert last.min() == pytest.approx(float(halved.best_rmse), abs=1e-9)


def test_tables_and_figures_hold_what_was_found(quick_store: Path) -> None:
    first, searched = load(FirstSearch), load(Searched)
    assert list(tables.first_grid(first)["first layer"]) == ["32", "64", "32", "64"]
    best = tables.best(searched)
    assert best["winner's skill over it"].iloc[0] == "the winner"
    assert best["setting"].str.contains("the start").sum() == 1
    assert len(tables.replay(searched)) == searched.folds - 1 and len(figures.errors(searched)) == searched.candidates
    assert tables.space(searched)["levels"].iloc[-1] == "16-8, 64-32"
    assert set(figures.predictions(first)["y"]) == {figures.FAULTY, figures.ALIGNED}
    levels, places = figures.space(searched)
    assert len(places) == searched.candidates
    assert [len(of_axis) for of_axis in levels.values()] == (places.max(axis=0) + 1).tolist()
    assert isinstance(figures.parallel_coordinates(searched, LIGHT), Figure)
