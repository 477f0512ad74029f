"""The networks that the rolling folds choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import pandas as pd

from labcode.lab.regression.network import Floats, fit_position_network, predict_close
from labcode.lab.regression.settings import Network
from labcode.lab.regression.views import ClosePredictor, ViewName

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Candidate = Literal[
    "relative to the midpoint",
    "position, error in per cent",
    "position",
    "position, odd",
    "position, half odd",
    "position, two plain networks",
]
CANDIDATES: tuple[Candidate, ...] = get_args(Candidate)
#: Distance between the seeds of two networks whose answers are averaged.
ANOTHER = 1000
#: The networks whose answers a candidate averages: by how much the seed is moved, and whether the network is odd.
_MEMBERS: dict[str, tuple[tuple[int, bool], ...]] = {
    "position": ((0, False),),
    "position, odd": ((0, True),),
    "position, half odd": ((0, False), (0, True)),
    "position, two plain networks": ((0, False), (ANOTHER, False)),
}
#: The others: what they see, and whether their error is that of the price in per cent.
_OTHERS: dict[str, tuple[ViewName, bool]] = {
    "relative to the midpoint": ("relative", False),
    "position, error in per cent": ("position", True),
}


def predictions(
    candidates: tuple[Candidate, ...], seed: int, settings: Network, train: pd.DataFrame, days: pd.DataFrame
) -> dict[Candidate, Floats]:
    """Closes (USD) that candidates predict for other days, ``(n,)``; a network that two have is trained once."""
    fitted: dict[tuple[int, bool], Pipeline] = {}
    found = {}
    for name in candidates:
        if name in _OTHERS:
            found[name] = _other(*_OTHERS[name], seed, settings).fit(train, train["close"]).predict(days)
            continue
        for moved, odd in _MEMBERS[name]:
            if (moved, odd) not in fitted:
                fitted[moved, odd] = fit_position_network(train, settings, seed=seed + moved, odd=odd)
        found[name] = predict_close([fitted[member] for member in _MEMBERS[name]], days)
    return found


def _other(view: ViewName, percent_error: bool, seed: int, settings: Network) -> ClosePredictor:
    return ClosePredictor(
        view=view,
        percent_error=percent_error,
        hidden=settings.hidden,
        batch_size=settings.batch_size,
        max_epochs=settings.epochs,
        lr=settings.lr,
        random_state=seed,
    )
