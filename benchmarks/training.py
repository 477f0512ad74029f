"""The speed of training: this project beside plain skorch and the bare loop, measured side by side in one run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from skorch import NeuralNetRegressor
from torch.nn.functional import mse_loss

from labcode.nets.device import describe_device, pick_device
from labcode.nets.estimators import TabularRegressor
from labcode.nets.mlp import MLP

FloatArray = npt.NDArray[np.float32]
Contestant = Callable[[], float]

BATCH_SIZES = (128, 1024, 4096)
#: Epochs timed together, enough that setting up is a small share of them.
EPOCHS = {128: 2, 1024: 6, 4096: 8, None: 8}


def made_up_rows(rows: int) -> tuple[FloatArray, FloatArray]:
    """Standard normal inputs ``(rows, 4)`` and a smooth target ``(rows,)``; speed does not depend on the values."""
    X = np.random.default_rng(0).standard_normal((rows, 4), dtype=np.float32)
    return X, np.tanh(X[:, 0]) + X[:, 1] * X[:, 2]


def time_ours(X: FloatArray, y: FloatArray, batch_size: int | None) -> float:
    """Seconds an epoch of our `TabularRegressor`, a call of ``fit`` divided by its epochs."""
    epochs = EPOCHS[batch_size]
    started = time.perf_counter()
    TabularRegressor(batch_size=batch_size or "full", max_epochs=epochs, random_state=0).fit(X, y)
    return (time.perf_counter() - started) / epochs


def bare_loop(X: FloatArray, y: FloatArray, batch_size: int | None, epochs: int) -> MLP:
    """The loop one writes by hand: resident tensors, shuffled indices, fused Adam, no history.

    ``batch_size=None`` is the original lab's step: the whole tensor through the network at once.
    """
    torch.manual_seed(0)
    device = pick_device()
    inputs, targets = torch.from_numpy(X).to(device), torch.from_numpy(y).reshape(-1, 1).to(device)
    mlp = MLP(X.shape[1]).to(device)
    optimizer = torch.optim.Adam(mlp.parameters(), lr=1e-3, fused=True)
    for _ in range(epochs):
        order = torch.randperm(len(X), device=device)
        batches = [slice(None)] if batch_size is None else torch.split(order, batch_size)
        for batch in batches:
            optimizer.zero_grad()
            mse_loss(mlp(inputs[batch]), targets[batch]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return mlp


def time_bare(X: FloatArray, y: FloatArray, batch_size: int | None) -> float:
    """Seconds an epoch of the bare loop."""
    started = time.perf_counter()
    bare_loop(X, y, batch_size, EPOCHS[batch_size])
    return (time.perf_counter() - started) / EPOCHS[batch_size]


def plain_skorch(n_features: int, **options: Any) -> NeuralNetRegressor:
    """Plain skorch with its own ``DataLoader``, and the same network and Adam, trained on all rows."""
    options = {"optimizer": torch.optim.Adam, "lr": 1e-3, "train_split": None, "verbose": 0, **options}
    return NeuralNetRegressor(MLP, module__n_features=n_features, device=str(pick_device()), **options)


def time_skorch(X: FloatArray, y: FloatArray, batch_size: int) -> float:
    """Seconds of an epoch of plain skorch."""
    net = plain_skorch(X.shape[1], batch_size=batch_size, max_epochs=1)
    started = time.perf_counter()
    net.fit(X, y.reshape(-1, 1))
    return time.perf_counter() - started


def take_turns(contestants: dict[str, Contestant], repeats: int) -> dict[str, float]:
    """Median seconds of each contestant, all of them once a round, so that a slow minute of the machine hits all."""
    rounds = [{name: run() for name, run in contestants.items()} for _ in range(repeats)]
    return {name: median(seconds[name] for seconds in rounds) for name in contestants}


def machine() -> dict[str, float | int | str]:
    """What the figures depend on beside the code; a load above 1 slows every contestant, and some more than others."""
    device = describe_device(pick_device())
    return {"device": device, "threads": torch.get_num_threads(), "load_average": os.getloadavg()[0]}


def bench_training(repeats: int = 3, rows: int = 681_000) -> dict[str, float | int | str]:
    """Training speed beside plain skorch and the bare loop.

    Parameters
    ----------
    repeats
        Rounds in which all contestants take turns; the medians are reported.
    rows
        Rows of four columns.

    Returns
    -------
    dict
        Ratios of medians: ``speedup_vs_skorch_{128,1024,4096}``, ``cost_vs_bare_{…}`` and ``speedup_full_batch``
        (whole-tensor step over chunked step); ``seconds_…`` of an epoch.
    """
    X, y = made_up_rows(rows)
    contestants: dict[str, Contestant] = {
        "full_chunked": partial(time_ours, X, y, None),
        "full_whole_tensor": partial(time_bare, X, y, None),
    }
    for kind, contestant in (("ours", time_ours), ("bare", time_bare), ("skorch", time_skorch)):
        contestants |= {f"{kind}_{size}": partial(contestant, X, y, size) for size in BATCH_SIZES}
    for warm_up in (time_ours, time_bare):
        warm_up(X[: rows // 10], y[: rows // 10], 1024)
    seconds = take_turns(contestants, repeats)
    return {
        **{f"speedup_vs_skorch_{size}": seconds[f"skorch_{size}"] / seconds[f"ours_{size}"] for size in BATCH_SIZES},
        **{f"cost_vs_bare_{size}": seconds[f"ours_{size}"] / seconds[f"bare_{size}"] for size in BATCH_SIZES},
        "speedup_full_batch": seconds["full_whole_tensor"] / seconds["full_chunked"],
        "rows": rows,
        **machine(),
        **{f"seconds_{name}": value for name, value in seconds.items()},
    }
