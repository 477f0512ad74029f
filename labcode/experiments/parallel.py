"""Training runs side by side, one process and one thread each, so that the bits do not depend on the cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from joblib import Parallel, delayed, parallel_config

T = TypeVar("T")


def in_parallel(
    task: Callable[..., T], arguments: Sequence[tuple[Any, ...]], *, done: Callable[[float], None] = lambda share: None
) -> list[T]:
    """Call ``task`` with each tuple of arguments, as many at a time as there are cores; the answers keep the order.

    Large arrays in the arguments travel once. On a GPU the tasks take turns.

    Parameters
    ----------
    task
        A function at the top of a module.
    arguments
        Its arguments, a tuple for each call.
    done
        Told the share of tasks finished, from 0 to 1.
    """
    answers: list[T] = []
    with parallel_config("loky", n_jobs=_workers(len(arguments)), inner_max_num_threads=1):
        for answer in Parallel(return_as="generator")(delayed(_one_thread)(task, each) for each in arguments):
            answers.append(answer)
            done(len(answers) / len(arguments))
    return answers


def training_device() -> str:
    """Name of the device that trains, for results: ``"cpu"`` or ``"cuda (…)"``."""
    from labcode.device import describe_device, pick_device

    return describe_device(pick_device())


def _one_thread(task: Callable[..., T], arguments: tuple[Any, ...]) -> T:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return task(*arguments)
    finally:
        torch.set_num_threads(before)


def _workers(tasks: int) -> int:
    if training_device().startswith("cuda"):
        return 1
    return max(1, min(tasks, os.cpu_count() or 1))
