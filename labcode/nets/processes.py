"""Training runs side by side, one process and one thread each, so that the bits do not depend on the cores."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from joblib import Parallel, delayed, effective_n_jobs, parallel_config

T = TypeVar("T")


class Pool(Protocol):
    """Something that calls a task with many arguments elsewhere, such as a cluster."""

    def map(self, task: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> Iterable[T]:
        """The answers, in order."""


_pools: list[Pool] = []
#: Tasks set PyTorch's threads and its generator, which belong to the whole process.
_one_at_a_time = threading.RLock()


@contextmanager
def using(pool: Pool) -> Iterator[None]:
    """Send the tasks of :func:`in_parallel` to this pool instead of to processes of this machine."""
    _pools.append(pool)
    try:
        yield
    finally:
        _pools.remove(pool)


def in_parallel(
    task: Callable[..., T],
    arguments: Sequence[tuple[Any, ...]],
    *,
    n_jobs: int | None = -1,
    done: Callable[[float], None] = lambda share: None,
) -> list[T]:
    """Call ``task`` with each tuple of arguments, as many at a time as there are cores; the answers keep the order.

    The task is a function at the top of a module; large arrays in its arguments travel once. On a GPU the tasks take
    turns. On a cluster (see :func:`using`) they go there, whatever ``n_jobs`` says, which counts processes as in
    scikit-learn; ``None`` or 1 calls the task in this one. ``done`` is told the share of tasks finished, from 0 to 1.
    """
    answers: list[T] = []
    for answer in _answers(task, arguments, n_jobs):
        answers.append(answer)
        done(len(answers) / len(arguments))
    return answers


def _answers(task: Callable[..., T], arguments: Sequence[tuple[Any, ...]], n_jobs: int | None) -> Iterator[T]:
    if _pools:
        yield from _pools[-1].map(task, arguments)
        return
    workers = min(effective_n_jobs(n_jobs), len(arguments))
    if workers <= 1 or training_device().startswith("cuda"):
        yield from (in_one_thread(task, each) for each in arguments)
        return
    with parallel_config("loky", n_jobs=workers, inner_max_num_threads=1):
        yield from Parallel(return_as="generator")(delayed(in_one_thread)(task, each) for each in arguments)


def training_device() -> str:
    """Name of the device that trains, for results: ``"cpu"`` or ``"cuda (…)"``."""
    from labcode.nets.device import describe_device, pick_device

    return describe_device(pick_device())


def in_one_thread(task: Callable[..., T], arguments: tuple[Any, ...]) -> T:
    """Call a task while PyTorch computes in one thread; a process has one such task at a time."""
    import torch

    _keep_memory()
    with _one_at_a_time:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return task(*arguments)
        finally:
            torch.set_num_threads(before)


@lru_cache(maxsize=1)
def _keep_memory() -> None:
    """Let a dask worker reuse the memory that a step has freed.

    dask sets ``MALLOC_TRIM_THRESHOLD_``, by which glibc hands freed memory back at once, so that each step of a
    training asks for its tensors anew: 80 times as many page faults, and up to three times the seconds.
    """
    if "MALLOC_TRIM_THRESHOLD_" in os.environ and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        m_trim_threshold, m_mmap_threshold = -1, -3  # as malloc.h numbers them
        libc.mallopt(m_trim_threshold, 2**30)
        libc.mallopt(m_mmap_threshold, 2**25)
