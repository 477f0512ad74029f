"""The repair, one change at a time: one network for the close on one representation of the columns after the other.

What a network sees and what it answers matters more here than how large it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

from labcode.lab.needs import on_prices
from labcode.lab.quantities import Data, Stored, over_range
from labcode.lab.regression import network as networks
from labcode.lab.regression.baselines import rmse
from labcode.lab.regression.network import Floats, Inputs, midpoint, position
from labcode.lab.regression.results import Step, Steps
from labcode.lab.regression.settings import First, Ladder, Network
from labcode.lab.regression.split import split_by_date
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.settings import SEED


@dataclass(frozen=True)
class View:
    """How rows become inputs ``(n, k)``, closes (USD) a target ``(n,)``, and answers ``(n,)`` closes again."""

    inputs: Inputs
    target: Callable[[pd.DataFrame, Floats], Floats]
    dollars: Callable[[pd.DataFrame, Floats], Floats]


def relative_range(rows: pd.DataFrame) -> Floats:
    """The day's range as a share of the midpoint, at least 1e-5 so that its logarithm exists."""
    return np.maximum((rows["high"] - rows["low"]).to_numpy() / midpoint(rows), 1e-5)


def _logs(rows: pd.DataFrame) -> Floats:
    return np.column_stack([np.log(rows[["open", "low", "high"]].to_numpy()), np.log1p(rows["volume"].to_numpy())])


def _relative(rows: pd.DataFrame) -> Floats:
    middle = midpoint(rows)
    from_middle = (rows["open"].to_numpy() - middle) / middle
    return np.column_stack([from_middle, relative_range(rows), np.log1p(rows["volume"].to_numpy()), np.log(middle)])


VIEWS = {
    "levels": View(
        lambda rows: rows[["open", "low", "high", "volume"]].to_numpy(dtype=np.float64),
        lambda rows, close: close,
        lambda rows, answer: answer,
    ),
    "logs": View(_logs, lambda rows, close: np.log(close), lambda rows, answer: np.exp(answer)),
    "relative": View(
        _relative,
        lambda rows, close: close / midpoint(rows) - 1,
        lambda rows, answer: midpoint(rows) * (1 + answer),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Rung:
    """A network and its training, and what it sees and answers; those for the position are the chapter's own.

    With ``full_batch``, a step takes all rows; with a ``schedule``, the learning rate rises and falls; with a
    ``shortcut``, a linear one leads from the inputs to the output.
    """

    network: Network
    view: Literal["levels", "logs", "relative", "position"]
    scale_target: bool = True
    full_batch: bool = False
    schedule: bool = True
    shortcut: bool = False

    def updates(self, rows: int) -> int:
        """Optimiser steps of a training: batches of an epoch, as the loop takes them, times epochs."""
        from labcode.nets.batches import batch_sizes

        return len(batch_sizes(rows, rows if self.full_batch else self.network.batch_size)) * self.network.epochs


def ladder(first: First, network: Network) -> dict[str, Rung]:
    """One change at a time, from our first version's network on the split by date to this version's."""
    as_first = Network(hidden=first.hidden, lr=first.lr, epochs=first.epochs, batch_size=network.batch_size)
    plain = Rung(network=as_first, view="levels", full_batch=True, schedule=False)
    batches = replace(plain, network=replace(as_first, epochs=10), full_batch=False)
    scheduled = replace(batches, network=replace(batches.network, lr=network.lr), schedule=True)
    return {
        "as submitted": replace(plain, scale_target=False),
        "target scaled": plain,
        "mini-batches": batches,
        "learning-rate schedule": scheduled,
        "linear shortcut": replace(scheduled, shortcut=True),
        "logarithms": replace(scheduled, view="logs"),
        "relative to the midpoint": replace(scheduled, view="relative", network=network),
        "position in the range": Rung(view="position", network=network),
    }


def rung_predictions(rung: Rung, seed: int, train: pd.DataFrame, test: pd.DataFrame) -> Floats:
    """Closes (USD) that a network of the ladder predicts for other days, ``(n,)``."""
    if rung.view == "position":
        return networks.predict_close([networks.fit_position_network(train, rung.network, seed=seed)], test)
    view, close = VIEWS[rung.view], train["close"].to_numpy()
    scaler = StandardScaler().fit(view.inputs(train))
    X, others = (scaler.transform(view.inputs(days)) for days in (train, test))
    answers = _full_batch_answers if rung.full_batch else _answers
    return view.dollars(test, answers(rung, seed, X, view.target(train, close), others))


def _answers(rung: Rung, seed: int, X: Floats, y: Floats, others: Floats) -> Floats:
    # These load PyTorch, which reading a stored result does not need.
    from labcode.nets.estimators import TabularRegressor
    from labcode.nets.mlp import ShortcutMLP

    network = TabularRegressor(
        hidden=rung.network.hidden,
        module=partial(ShortcutMLP, hidden=rung.network.hidden) if rung.shortcut else None,
        batch_size=rung.network.batch_size,
        max_epochs=rung.network.epochs,
        lr=rung.network.lr,
        schedule="onecycle" if rung.schedule else None,
        random_state=seed,
    )
    return np.asarray(network.fit(X, y).predict(others))


def _full_batch_answers(rung: Rung, seed: int, X: Floats, y: Floats, others: Floats) -> Floats:
    """The same by the fast loop, each step on all rows."""
    import torch

    from labcode.lab.full_batch import Steps, outputs, seeded, squared_error, trained
    from labcode.lab.regression.first import FirstNetwork

    settings, (centre, scale) = rung.network, (y.mean(), y.std()) if rung.scale_target else (0.0, 1.0)
    parts = X, (y[:, None] - centre) / scale, others
    rows, target, asked = (torch.tensor(part, dtype=torch.float32) for part in parts)
    network = seeded(lambda: FirstNetwork((settings.hidden[0], settings.hidden[1])), seed)
    deque(trained(network, rows, target, squared_error, Steps(epochs=settings.epochs, lr=settings.lr)), maxlen=0)
    return np.asarray(outputs(network, asked)[:, 0].double() * scale + centre)


def run_steps(spec: Ladder, *, data: Data, results: Stored, progress: Progress) -> Steps:
    """Measure each step of the ladder on the test dates, and one network's curves over its epochs."""
    train, test = split_by_date(data["prices"].frame)
    rungs, seeds = ladder(spec.first, spec.network), range(spec.seeds)
    tasks = [(rung, seed, train, test) for rung, seed in product(rungs.values(), seeds)]
    answers = iter(in_parallel(rung_predictions, tasks, done=lambda share: progress(0.9 * share)))
    actual, steps, squared = test["close"].to_numpy(), {}, {}
    for name, rung in rungs.items():
        errors = np.stack([next(answers) - actual for _ in seeds])
        squared[name] = (errors**2).mean(axis=0)
        steps[name] = Step(
            rmse=over_range(np.sqrt((errors**2).mean(axis=1))),
            updates=Number(rung.updates(len(train))),
        )
    return Steps(
        seeds=len(seeds),
        ladder=steps,
        curves=in_parallel(curves, [(spec.network, spec.curve_epochs, train, test)], n_jobs=None)[0],
        squared_relative=squared["relative to the midpoint"].astype(np.float32),
        squared_position=squared["position in the range"].astype(np.float32),
    )


def curves(settings: Network, epochs: int, train: pd.DataFrame, test: pd.DataFrame) -> Floats:
    """RMSE (USD) and R² of the position after each epoch, on some training rows and on the test's, ``(epochs, 4)``."""
    from skorch.callbacks import Callback

    target = position(train, train["close"])
    watched = [train.sample(frac=0.2, random_state=SEED), test]
    pipeline = networks.position_network(replace(settings, epochs=epochs), seed=0)
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
    return rmse(networks.to_dollars(days, answers), days["close"]), float(
        1 - ((answers - actual) ** 2).mean() / actual.var()
    )


EXPERIMENTS = (on_prices(run_steps, "regression.steps", seconds=75),)
