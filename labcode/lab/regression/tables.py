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
    return pd.DataFrame(
        {
            "model": [MODELS[name] for name in base.models],
            "new dates": [_cell(model.rmse.bare, model.rmse.limits) for model in base.models.values()],
            "random rows": [model.rmse_random.bare for model in base.models.values()],
        }
    )


def candidates(choice: Choice) -> pd.DataFrame:
    """Each candidate on the rolling folds, best first."""
    ordered = sorted(choice.candidates.items(), key=lambda each: -each[1].skill.value)
    return pd.DataFrame(
        {
            "network": [name for name, _ in ordered],
            "skill": [str(each.skill) for _, each in ordered],
            "winner over it": [
                "the winner" if name == choice.winner else str(each.winner_over.interval) for name, each in ordered
            ],
        }
    )


def _cell(value: str, limits: str) -> str:
    return f"{value} ({limits})"
