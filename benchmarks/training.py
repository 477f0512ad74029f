"""The speed tables: this project beside plain skorch and the bare loop, measured side by side in one run."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
import psutil
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
EPOCHS = {128: 2, 1024: 6, 4096: 8}
FULL_BATCH_EPOCHS = 8


def made_up_rows(rows: int) -> tuple[FloatArray, FloatArray]:
    """Standard normal inputs ``(rows, 4)`` and a smooth target ``(rows,)``; speed does not depend on the values."""
    X = np.random.default_rng(0).standard_normal((rows, 4), dtype=np.float32)
    return X, np.tanh(X[:, 0]) + X[:, 1] * X[:, 2]


def synchronise(device: torch.device) -> None:
    """Wait for the device, so that a clock read next counts its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def time_ours(X: FloatArray, y: FloatArray, *, batch_size: int | None, epochs: int) -> float:
    """Seconds an epoch of our `TabularRegressor`, a call of ``fit`` divided by its epochs."""
    mlp = TabularRegressor(batch_size=batch_size or "full", max_epochs=epochs, random_state=0)
    started = time.perf_counter()
    mlp.fit(X, y)
    return (time.perf_counter() - started) / epochs


def time_bare(X: FloatArray, y: FloatArray, *, batch_size: int | None, epochs: int, device: torch.device) -> float:
    """Seconds an epoch of the loop one writes by hand: resident tensors, shuffled indices, fused Adam, no history.

    ``batch_size=None`` is the original lab's step: the whole tensor through the network at once.
    """
    torch.manual_seed(0)
    started = time.perf_counter()
    inputs, targets = torch.from_numpy(X).to(device), torch.from_numpy(y).reshape(-1, 1).to(device)
    mlp = MLP(X.shape[1]).to(device)
    optimizer = torch.optim.Adam(mlp.parameters(), lr=1e-3, fused=True)
    for _ in range(epochs):
        batches = [slice(None)] if batch_size is None else torch.randperm(len(X), device=device).split(batch_size)
        for batch in batches:
            optimizer.zero_grad()
            mse_loss(mlp(inputs[batch]), targets[batch]).backward()
            optimizer.step()
    synchronise(device)
    return (time.perf_counter() - started) / epochs


def time_skorch(X: FloatArray, y: FloatArray, *, batch_size: int, device: torch.device) -> float:
    """Seconds an epoch of plain skorch with its own ``DataLoader``, and the same network, rows and Adam.

    All its defaults stay, but for its inner validation split: here everyone trains on all rows.
    """
    net = NeuralNetRegressor(
        MLP,
        module__n_features=X.shape[1],
        optimizer=torch.optim.Adam,
        lr=1e-3,
        batch_size=batch_size,
        max_epochs=1,
        train_split=None,
        verbose=0,
        device=str(device),
    )
    started = time.perf_counter()
    net.fit(X, y.reshape(-1, 1))
    synchronise(device)
    return time.perf_counter() - started


def take_turns(contestants: dict[str, Contestant], repeats: int) -> dict[str, float]:
    """Median seconds of each contestant, all of them once a round, so that a slow minute of the machine hits all."""
    rounds = [{name: run() for name, run in contestants.items()} for _ in range(repeats)]
    return {name: median(seconds[name] for seconds in rounds) for name in contestants}


def peak_megabytes(rows: int) -> float:
    """Peak memory above the data of two trainings in a process of their own, one in batches and one in full steps.

    Everything above the resident memory just before the first ``fit`` counts, also what libraries load late.
    """
    code = f"from benchmarks.training import report_peak; report_peak({rows})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def report_peak(rows: int) -> None:
    """Print the peak memory, in MB above what the process and its data hold before training."""
    X, y = made_up_rows(rows)
    before = psutil.Process().memory_info().rss
    for batch_size in (1024, None):
        time_ours(X, y, batch_size=batch_size, epochs=2)
    print((peak_bytes() - before) / 2**20)


def peak_bytes() -> int:
    """Highest resident memory of this process so far, in bytes.

    On Linux ``getrusage`` starts from what the parent process held, so the kernel's own note is read there.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        return 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


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
        Ratios of medians: ``speedup_vs_skorch_{128,1024,4096}``, ``cost_vs_bare_{…}``, ``speedup_full_batch``
        (whole-tensor step over chunked step), ``growth_10x`` (seconds at ``rows`` over seconds at a tenth),
        ``growth_10x_beyond`` (at ten times ``rows`` over ``rows``). ``peak_mb`` (memory above the data), ``seconds_…``
        (an epoch), ``rows``, ``repeats``, ``device``, ``threads``, and ``load_average`` of the last minute: above 1 the
        machine has other work too, which slows every contestant and some more than others.
    """
    device = pick_device()
    X, y = made_up_rows(rows)
    X_part, y_part = X[: rows // 10], y[: rows // 10]
    X_many, y_many = np.tile(X, (10, 1)), np.tile(y, 10)
    bare = partial(time_bare, device=device)
    contestants: dict[str, Contestant] = {
        "full_chunked": partial(time_ours, X, y, batch_size=None, epochs=FULL_BATCH_EPOCHS),
        "full_whole_tensor": partial(bare, X, y, batch_size=None, epochs=FULL_BATCH_EPOCHS),
        "ours_1024_tenth": partial(time_ours, X_part, y_part, batch_size=1024, epochs=EPOCHS[1024]),
        "ours_1024_tenfold": partial(time_ours, X_many, y_many, batch_size=1024, epochs=1),
    }
    for size in BATCH_SIZES:
        contestants |= {
            f"ours_{size}": partial(time_ours, X, y, batch_size=size, epochs=EPOCHS[size]),
            f"bare_{size}": partial(bare, X, y, batch_size=size, epochs=EPOCHS[size]),
            f"skorch_{size}": partial(time_skorch, X, y, batch_size=size, device=device),
        }
    time_ours(X_part, y_part, batch_size=1024, epochs=1)
    time_bare(X_part, y_part, batch_size=1024, epochs=1, device=device)
    seconds = take_turns(contestants, repeats)
    return {
        **{f"speedup_vs_skorch_{b}": seconds[f"skorch_{b}"] / seconds[f"ours_{b}"] for b in BATCH_SIZES},
        **{f"cost_vs_bare_{size}": seconds[f"ours_{size}"] / seconds[f"bare_{size}"] for size in BATCH_SIZES},
        "speedup_full_batch": seconds["full_whole_tensor"] / seconds["full_chunked"],
        "growth_10x": seconds["ours_1024"] / seconds["ours_1024_tenth"],
        "growth_10x_beyond": seconds["ours_1024_tenfold"] / seconds["ours_1024"],
        "peak_mb": peak_megabytes(rows),
        "rows": rows,
        "repeats": repeats,
        "device": describe_device(device),
        "threads": torch.get_num_threads(),
        "load_average": os.getloadavg()[0],
        **{f"seconds_{name}": value for name, value in seconds.items()},
    }
