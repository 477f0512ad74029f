"""Frames that the figures of the tuning chapter are drawn from."""

from __future__ import annotations

import pandas as pd

from labcode.lab.tuning.results import OPTIMIZER_NAMES, FirstSearch, Halved, Searched

#: The shapes of the target, as the figure calls them.
FAULTY, ALIGNED = "shape (n,)", "shape (n, 1)"


def predictions(first: FirstSearch) -> pd.DataFrame:
    """Closes of rows held out and what the search's choice answers (USD): columns ``actual``, ``predicted``, ``y``."""
    frames = [
        pd.DataFrame({"actual": first.actual, "predicted": answers, "y": name})
        for name, answers in ((ALIGNED, first.predicted_aligned), (FAULTY, first.predicted))
    ]
    return pd.concat(frames, ignore_index=True)


def errors(searched: Searched) -> pd.DataFrame:
    """Mean RMSE (USD) of each candidate: columns ``optimiser``, ``rate``, ``epochs``, ``layers``, ``RMSE``."""
    frame = searched.frame
    return pd.DataFrame(
        {
            "optimiser": frame["optimizer"].map(OPTIMIZER_NAMES),
            "rate": frame["lr"],
            "epochs": frame["epochs"],
            "layers": frame["hidden"],
            "RMSE": -frame["score"],
        }
    )


def rungs(halved: Halved) -> pd.DataFrame:
    """Successive halving: columns ``candidate``, ``epochs``, ``RMSE`` and ``last``, whether it stayed to the end."""
    frame = pd.DataFrame(halved.rungs, columns=["candidate", "epochs", "RMSE"])
    last = frame.loc[frame["epochs"] == frame["epochs"].max(), "candidate"]
    return frame.assign(last=frame["candidate"].isin(last))
