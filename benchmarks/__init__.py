"""How fast this project trains, searches and renders, and how well it predicts, beside its peers in one run."""

from __future__ import annotations

from importlib import import_module
from typing import Any

#: Module and function of each benchmark; the modules load PyTorch.
BENCHMARKS = {
    "training": ("benchmarks.training", "bench_training"),
    "peers": ("benchmarks.peers", "bench_peers"),
    "tuning": ("benchmarks.searching", "bench_tuning"),
    "render": ("benchmarks.rendering", "bench_render"),
}


def run(name: str, repeats: int) -> dict[str, Any]:
    """The figures of a benchmark, by name; all contestants take turns in so many rounds."""
    module, function = BENCHMARKS[name]
    figures: dict[str, Any] = getattr(import_module(module), function)(repeats=repeats)
    return figures
