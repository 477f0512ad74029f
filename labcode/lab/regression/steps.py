"""The repair, one change at a time: each step of the ladder on the test dates, and the last network's curves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Annotated, Any

import numpy as np
import pandas as pd

from labcode.lab.needs import on_prices
from labcode.lab.quantities import Data, Stored, over_range, skill_of
from labcode.lab.regression.baselines import rmse, without_network
from labcode.lab.regression.ladder import ladder, rung_predictions
from labcode.lab.regression.network import Floats, position, position_network, to_dollars
from labcode.lab.regression.results import Step, Steps
from labcode.lab.regression.settings import First, Ladder, Network
from labcode.lab.regression.split import split_by_date
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.settings import SEED


@dataclass(frozen=True, kw_only=True)
class StepsSpec:
    """The ladder, from our first version's training to this one's."""

    steps: Annotated[Ladder, "regression.steps"]
    first: Annotated[First, "regression.first"]
    network: Annotated[Network, "regression.network"]


def run_steps(spec: StepsSpec, *, data: Data, results: Stored, progress: Progress) -> Steps:
    """Measure each step of the ladder on the test dates, and one network's curves over its epochs."""
    train, test = split_by_date(data["prices"].frame)
    rungs, seeds = ladder(spec.first, spec.network), range(spec.steps.seeds)
    tasks = [(rung, seed, train, test) for rung, seed in product(rungs.values(), seeds)]
    answers = iter(in_parallel(rung_predictions, tasks, done=lambda share: progress(0.9 * share)))
    actual = test["close"].to_numpy()
    reference = (without_network(train, test)["ols"] - actual) ** 2
    steps, squared = {}, {}
    for name, rung in rungs.items():
        errors = np.stack([next(answers) - actual for _ in seeds])
        squared[name] = (errors**2).mean(axis=0)
        steps[name] = Step(
            rmse=over_range(np.sqrt((errors**2).mean(axis=1))),
            skill=skill_of(squared[name], reference, test["date"]),
            updates=Number(rung.updates(len(train))),
        )
    return Steps(
        seeds=len(seeds),
        ladder=steps,
        curves=in_parallel(curves, [(spec.network, spec.steps.curve_epochs, train, test)], n_jobs=None)[0],
        squared_relative=squared["relative to the midpoint"].astype(np.float32),
        squared_position=squared["position in the range"].astype(np.float32),
    )


def curves(settings: Network, epochs: int, train: pd.DataFrame, test: pd.DataFrame) -> Floats:
    """RMSE (USD) and R² of the position on a random fifth of the training rows, then on the test's.

    Returns
    -------
    ndarray
        ``(epochs, 4)``, after each epoch.
    """
    from skorch.callbacks import Callback

    target = position(train, train["close"])
    watched = [train.sample(frac=0.2, random_state=SEED), test]
    pipeline = position_network(replace(settings, epochs=epochs), seed=0)
    scores: list[list[float]] = []

    class Watch(Callback):  # type: ignore[misc]
        def on_epoch_end(self, net: Any, **_: Any) -> None:
            answers = [_outputs(net, pipeline[:-1].transform(days)) * target.std() + target.mean() for days in watched]
            scores.append([score for days, own in zip(watched, answers) for score in _scores(days, own)])

    pipeline.set_params(network__callbacks=[Watch()]).fit(train, target)
    return np.array(scores)


def _outputs(net: Any, inputs: Floats) -> Floats:
    """What a network that is still training answers, ``(n,)``."""
    import torch

    return np.asarray(net.outputs(torch.from_numpy(inputs.astype(np.float32)).to(net.device)).cpu().double())[:, 0]


def _scores(days: pd.DataFrame, answers: Floats) -> tuple[float, float]:
    actual = position(days, days["close"])
    return rmse(to_dollars(days, answers), days["close"]), float(1 - ((answers - actual) ** 2).mean() / actual.var())


EXPERIMENTS = (on_prices(run_steps, seconds=75),)
