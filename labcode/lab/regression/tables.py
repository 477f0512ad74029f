"""The tables of the regression chapter."""

from __future__ import annotations

import pandas as pd

from labcode.lab.regression.results import Baselines, Choice

MODELS = {
    "zero": "always 0 USD",
    "mean": "mean of the training closes",
    "open": "the day's open",
    "midpoint": "midpoint of low and high",
    "ols_raw": "least squares, raw columns",
    "ols": "least squares, scaled",
    "ridge": "ridge regression, scaled",
    "trees_raw": "boosted trees, raw columns",
    "trees": "boosted trees, position",
}


def baselines(base: Baselines) -> pd.DataFrame:
    """Error of each baseline on both splits."""
    rows = [
        (MODELS[name], f"{model.rmse.bare} ({model.rmse.limits})", model.rmse_random.bare)
        for name, model in base.models.items()
    ]
    return pd.DataFrame(rows, columns=["model", "new dates", "random rows"])


def candidates(choice: Choice) -> pd.DataFrame:
    """Each candidate on the rolling folds, best first."""
    ordered = sorted(choice.candidates.items(), key=lambda candidate: -candidate[1].skill.value)
    rows = [
        (name, str(of.skill), "the winner" if name == choice.winner else str(of.winner_over.interval))
        for name, of in ordered
    ]
    return pd.DataFrame(rows, columns=["network", "skill", "winner over it"])
