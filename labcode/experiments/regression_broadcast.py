"""The broadcast in our first version's grid search, in small."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labcode.data.types import Dataset
from labcode.experiments.catalog import Experiment, Payload, Progress
from labcode.parallel import in_parallel
from labcode.store import Result

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class BroadcastSpec:
    """A small problem on which the original's broadcast can be seen."""

    rows: int = 256
    steps: int = 2_000
    lr: float = 1e-2
    seed: int = 0


def run_broadcast(
    spec: BroadcastSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Fit a line twice with the same steps: outputs (n, 1) against targets (n,), and against targets (n, 1)."""
    import torch

    generator = torch.Generator().manual_seed(spec.seed)
    X = torch.rand(spec.rows, 1, generator=generator) * 2 - 1
    y = (3 * X + 0.3 * torch.randn(spec.rows, 1, generator=generator)).squeeze(1)
    lines = in_parallel(_fit_line, [(spec, X, y), (spec, X, y[:, None])], n_jobs=None, done=progress)
    fitted = dict(zip(("broadcast", "aligned"), lines, strict=True))
    error_shape = (X - y).shape
    return Payload(
        scalars={
            "rows": spec.rows,
            "errors_broadcast": int(np.prod(error_shape)),
            "slope_broadcast": float(np.polyfit(X[:, 0], fitted["broadcast"], 1)[0]),
            "slope_aligned": float(np.polyfit(X[:, 0], fitted["aligned"], 1)[0]),
            "mse_broadcast": float(((fitted["broadcast"] - y.numpy()) ** 2).mean()),
            "mse_aligned": float(((fitted["aligned"] - y.numpy()) ** 2).mean()),
            "variance": float(y.var(correction=0)),
        },
        arrays={"x": X[:, 0].numpy(), "y": y.numpy(), **fitted},
    )


def _fit_line(spec: BroadcastSpec, X: torch.Tensor, target: torch.Tensor) -> np.ndarray:
    """Fit a line to targets ``(n,)`` or ``(n, 1)``; its values ``(n,)``."""
    import torch

    from labcode.models import MLP

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        model = MLP(1, hidden=())
    optimizer = torch.optim.Adam(model.parameters(), lr=spec.lr)
    for _ in range(spec.steps):
        optimizer.zero_grad()
        # Written out, not mse_loss, which would warn; the arithmetic is the same.
        (model(X) - target).square().mean().backward()
        optimizer.step()
    return model(X).detach().squeeze(1).numpy()


EXPERIMENTS = (
    Experiment(
        name="regression/broadcast",
        run=run_broadcast,
        spec=BroadcastSpec(),
        quick=BroadcastSpec(),
        datasets=(),
        seconds=3,
    ),
)
