"""The sound search: scikit-learn's scores, folds that look ahead of nothing, and experiments on the quick profile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.model_selection import GridSearchCV, ParameterGrid

from labcode.book.listing import source_of
from labcode.book.plots import LIGHT
from labcode.data.simulate import simulate_prices
from labcode.lab.config import configured
from labcode.lab.tuning import figures, tables
from labcode.lab.tuning.experiments import _as_params, ends, expected_best, grids, rows_of_search
from labcode.lab.tuning.results import FirstSearch, Halved, Searched
from labcode.lab.tuning.search import folds_by_date, search
from labcode.lab.tuning.settings import Search
from labcode.lab.tuning.space import levels_of, parallel_coordinates, space
from labcode.lab.verdicts import verdict
from labcode.nets.search import BatchedSearchCV
from labcode.results import run as catalog
from labcode.results.typed import Results, flatten, impossible, numbers, unflatten

PRICES = simulate_prices(n_symbols=4).astype({"symbol": "category"}).reset_index(drop=True)
QUICK = configured(Search, "tuning.search", profile="quick")
KINDS = (FirstSearch, Searched, Halved)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[type[Results], Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCODE_STORE_DIR", str(tmp_path_factory.mktemp("store")))
        patch.setenv("LABCODE_PROFILE", "quick")
        patch.setenv("LOKY_MAX_CPU_COUNT", "1")  # starting processes takes longer than what they would do
        patch.delenv("LABCODE_DATA_DIR", raising=False)
        return {kind: catalog.load_typed(kind) for kind in KINDS}


def test_the_fast_search_has_the_scores_of_scikit_learns() -> None:
    days, folds = rows_of_search(PRICES, QUICK)
    grid = {"network__optimizer": ["adam", "sgd"], "network__hidden": [(8, 4), (6, 3)], "network__max_epochs": [1, 2]}
    plain, fast = (search(days, grid, folds, 256, kind=kind).cv_results_ for kind in (GridSearchCV, BatchedSearchCV))
    assert plain["params"] == fast["params"] and len(plain["params"]) == 8
    np.testing.assert_allclose(fast["mean_test_score"], plain["mean_test_score"], rtol=1e-5)
    np.testing.assert_array_equal(fast["rank_test_score"], plain["rank_test_score"])


def test_every_fold_trains_on_earlier_dates_alone() -> None:
    folds = folds_by_date(PRICES["date"], 3, 0.1)
    dates, ends_before = PRICES["date"].to_numpy(), None
    for train, held in folds:
        assert dates[train].max() < dates[held].min()
        assert ends_before is None or set(np.flatnonzero(dates <= ends_before)) == set(train)
        ends_before = dates[held].max()
    assert ends_before == dates.max()


@pytest.mark.parametrize("name", ["position_pipeline", "negative_rmse", "search", "folds_by_date"])
def test_what_is_shown_is_short(name: str) -> None:
    assert len(source_of("labcode.lab.tuning.search", name, imports=False).splitlines()) <= 25


def test_a_start_that_the_grid_lacks_becomes_a_candidate() -> None:
    inside = list(ParameterGrid(grids(QUICK)))
    moved = replace(QUICK, start=replace(QUICK.start, lr=0.0123))
    outside = list(ParameterGrid(grids(moved)))
    assert _as_params(QUICK.start) in inside and len(outside) == len(inside) + 1
    assert outside.index(_as_params(moved.start)) == len(inside)
    without_epochs = list(ParameterGrid(grids(moved, ())))
    assert all("network__max_epochs" not in own for own in without_epochs)


def test_ends_of_axes_are_counted_for_the_winners_optimiser() -> None:
    spec = replace(
        QUICK, adam=(0.001, 0.003, 0.01), sgd=(0.01, 0.1), epochs=(1, 2, 4), hidden=((8, 4), (16, 8), (32, 16))
    )
    middle = {
        "network__optimizer": "adam",
        "network__lr": 0.003,
        "network__max_epochs": 2,
        "network__hidden": (16, 8),
    }
    assert ends(middle, spec) == 0
    assert ends({**middle, "network__lr": 0.01, "network__hidden": (8, 4)}, spec) == 2
    assert ends({**middle, "network__optimizer": "sgd", "network__lr": 0.1}, spec) == 1


def test_the_expected_best_of_all_is_the_best_and_of_one_the_mean() -> None:
    scores = np.array([3.0, 1.0, 2.0, 7.0])
    assert expected_best(scores, 4) == 7.0
    assert expected_best(scores, 1) == pytest.approx(scores.mean())


@pytest.mark.parametrize("kind", KINDS)
def test_results_come_back_and_every_number_is_possible(kind: type[Results], results: dict[type[Results], Any]) -> None:
    flat = flatten(results[kind])
    after = unflatten(kind, flat.scalars, flat.tables, flat.arrays)
    found = dict(numbers(after))
    assert repr(found) == repr(dict(numbers(results[kind])))
    assert {path: impossible(number) for path, number in found.items() if impossible(number)} == {}
    assert [path for path, number in found.items() if not number.quantity.says] == []


def test_the_winner_is_the_best_of_all_candidates(results: dict[type[Results], Any]) -> None:
    found: Searched = results[Searched]
    frame = found.frame
    assert len(frame) == found.candidates and found.fits == found.candidates * found.folds
    assert found.winner.rank == 1 and float(found.best_score) == pytest.approx(frame["score"].max())
    assert float(found.winner.rmse) == -float(found.best_score) and found.winner.over == 0
    best = frame.iloc[int(frame["score"].argmax())]
    assert (best["optimizer"], best["lr"], best["hidden"]) == (
        found.winner.optimizer,
        found.winner.lr.value,
        found.winner.hidden,
    )
    assert list(found.best) == list(range(1, int(found.paired.value) + 2))
    assert found.tied == sum(each.over.low <= 0 for rank, each in found.best.items() if rank > 1)
    assert list(found.replay) == list(range(2, found.folds + 1))


def test_with_the_fault_nothing_but_the_mean_is_learned(results: dict[type[Results], Any]) -> None:
    found: FirstSearch = results[FirstSearch]
    assert found.echo_score > found.mean_score
    assert found.scores.shape == found.scores_aligned.shape == (found.seeds, len(found.candidates))
    assert float(found.best_score) == pytest.approx(found.scores.max(axis=1).mean())
    assert np.std(found.predicted) < np.std(found.predicted_aligned) / 2
    assert found.warning.startswith("Using a target size")


def test_halving_ends_with_few_of_the_candidates(results: dict[type[Results], Any]) -> None:
    found: Halved = results[Halved]
    rungs = figures.rungs(found)
    sizes = rungs.groupby("epochs").size()
    assert sizes.is_monotonic_decreasing and sizes.iloc[0] == found.candidates
    assert (sizes * sizes.index).sum() == found.epochs <= found.full_epochs
    assert rungs.loc[rungs["last"], "RMSE"].min() == pytest.approx(float(found.best_rmse), abs=1e-9) or (
        rungs.loc[rungs["epochs"] == rungs["epochs"].max(), "RMSE"].min() == pytest.approx(float(found.best_rmse))
    )


def test_tables_and_figures_hold_what_was_found(results: dict[type[Results], Any]) -> None:
    first, found = results[FirstSearch], results[Searched]
    assert list(tables.first_grid(first)["first layer"]) == ["32", "64", "32", "64"]
    best = tables.best(found)
    assert (
        best["winner's skill over it"].iloc[0] == "the winner" and best["setting"].str.contains("the start").sum() == 1
    )
    assert len(tables.replay(found)) == found.folds - 1
    assert len(figures.errors(found)) == found.candidates
    assert tables.space(found)["levels"].iloc[-1] == "16-8, 64-32"
    assert "UserWarning: Using a target size" in str(tables.warning(first).data)
    assert set(figures.predictions(first)["y"]) == {figures.FAULTY, figures.ALIGNED}


def test_the_space_has_the_best_first_and_draws(results: dict[type[Results], Any]) -> None:
    found: Searched = results[Searched]
    own = space(found)
    assert own.words[0].startswith(found.winner.words) and len(own.words) == found.candidates
    assert [len(levels) for levels in own.levels.values()] == (own.places.max(axis=0) + 1).tolist()
    assert levels_of(found.frame["hidden"]) == ["16-8", "64-32"]
    assert isinstance(parallel_coordinates(found, LIGHT), Figure)


def test_the_conclusion_is_judged_by_the_results(
    results: dict[type[Results], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labcode.lab.verdicts.load", lambda kind: results[kind])
    found: FirstSearch = results[FirstSearch]
    fails = found.best_rmse_aligned < found.best_rmse / 10
    assert verdict("tuning.improved").outcome == ("doesn't hold" if fails else "not shown")
