"""Tasks on a cluster: the answers of one machine, whatever happens to the workers."""

from __future__ import annotations

import gc
import operator
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from labcode.errors import LabcodeError
from labcode.nets.estimators import TabularRegressor
from labcode.nets.processes import in_parallel
from labcode.nets.together import TrainingRows, fit_together
from labcode.results import run

distributed = pytest.importorskip("distributed")
import dask  # noqa: E402

from labcode.results import cluster  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
Floats = npt.NDArray[np.float64]


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCODE_DEVICE", "cpu")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A scheduler with two workers, for tests that do them no harm."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCODE_DEVICE", "cpu")
        with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as workers:
            yield workers.scheduler_address


class TestTasks:
    def test_they_run_on_the_workers_in_one_thread_and_answer_in_order(self, address: str) -> None:
        with cluster.connect(address) as workers:
            assert workers.count == 2
            answers = in_parallel(square_slowly, [(i, 0.2 if i == 0 else 0.0) for i in range(6)], n_jobs=None)
        assert [answer for answer, *_ in answers] == [0, 1, 4, 9, 16, 25]
        assert os.getpid() not in {pid for _, pid, _ in answers} and {threads for *_, threads in answers} == {1}
        assert in_parallel(square_slowly, [(3, 0.0)], n_jobs=None) == [(9, os.getpid(), 1)], "here again afterwards"

    def test_they_keep_the_memory_that_they_free(self, address: str) -> None:
        """A process of dask that gives it back at once has thirty times as many page faults, and trains slower."""
        with cluster.connect(address):
            in_parallel(page_faults, [(), ()])
            assert max(in_parallel(page_faults, [(), ()])) < 5_000

    def test_an_error_arrives_as_it_was_raised(self, address: str) -> None:
        with cluster.connect(address), pytest.raises(ZeroDivisionError, match="division"):
            in_parallel(operator.truediv, [(1.0, 2.0), (1.0, 0.0)])

    def test_networks_are_those_of_processes_here_bit_for_bit(self, address: str) -> None:
        X = np.random.default_rng(0).normal(size=(3000, 6))
        rows = [TrainingRows(X, X[:, 0] * X[:, 1]), TrainingRows(X[:500], X[:500, 2])] * 2
        options: dict[str, Any] = {"hidden": (16,), "max_epochs": 2, "dropout": 0.1, "random_state": 0}
        sizes = [(64, None), (64, 1), (256, None), (256, 1)]
        estimators = [TabularRegressor(**options, batch_size=size, patience=patience) for size, patience in sizes]
        here = fit_together(estimators, rows, n_jobs=2)
        with cluster.connect(address):
            there = fit_together(estimators, rows)
        assert [weights(fit.estimator) for fit in there] == [weights(fit.estimator) for fit in here]


class TestSending:
    def test_a_large_argument_is_sent_once(self, address: str) -> None:
        large, sent = np.random.default_rng(0).normal(size=50_000), []
        with cluster.connect(address) as workers:
            scatter = workers._scatter
            workers._scatter = lambda argument: (sent.append(argument), scatter(argument))[1]  # type: ignore[method-assign]
            answers = in_parallel(add_up, [(large, float(i)) for i in range(8)])
            assert in_parallel(add_up, [(large.copy(), float(i)) for i in range(8)]) == answers
            assert len(sent) == 1
            in_parallel(add_up, [(large + 1, 0.0)])
            assert len(sent) == 2
        assert answers == [large.sum() + i for i in range(8)]


class TestDeath:
    def test_a_killed_worker_costs_what_it_was_doing_and_nothing_else(self, tmp_path: Path) -> None:
        large = np.random.default_rng(0).normal(size=50_000)
        tasks = [(tmp_path, i, large, 0.3) for i in range(6)]
        with cluster.connect("local:2"), killing_the_worker_of(3, tmp_path) as killed:
            answers = in_parallel(note_and_add_up, tasks)
        assert answers == [large.sum() + i for i in range(6)]
        assert len(killed) == 1
        runs = Counter(int(path.name.split()[0]) for path in tmp_path.iterdir())
        assert sorted(runs) == list(range(6))
        assert runs[3] == 2, "the task that was killed is run again"
        # Beside it at most the one before it, if the worker still held its answer.
        assert runs.total() <= 6 + 2

    def test_a_task_that_kills_its_workers_is_an_error_that_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cluster, "ATTEMPTS", 1)
        with (
            dask.config.set({"distributed.scheduler.allowed-failures": 0}),
            cluster.connect("local:1"),
            pytest.raises(LabcodeError, match="workers of the cluster died while they computed die;"),
        ):
            in_parallel(die, [()])

    def test_rows_that_cannot_be_sent_are_an_error_that_says_so(self, address: str) -> None:
        def fail(*_: object, **__: object) -> None:
            raise TimeoutError("nobody took them")

        with cluster.connect(address) as workers, pytest.raises(LabcodeError, match=r"could not be sent .*nobody took"):
            workers.client = SimpleNamespace(scatter=fail, wait_for_workers=lambda *_, **__: None)
            in_parallel(add_up, [(np.zeros(50_000), 0.0)])


class TestRefusals:
    @pytest.mark.parametrize("number", ["0", "x", "1.5", "²", "999999999999"])
    def test_a_number_of_workers_that_is_none(self, number: str) -> None:
        assert refusal(f"local:{number}").startswith(f"--cluster 'local:{number}' names no number of workers; expected")

    @pytest.mark.parametrize("address", ["http://127.0.0.1:9", "\x1b[2J://", "x" * 10_000])
    def test_what_is_no_address(self, address: str) -> None:
        message = refusal(address)
        assert "is no address; expected such as tcp://" in message and message.isprintable() and len(message) < 300

    def test_an_address_where_nobody_listens_or_a_scheduler_without_workers(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert cluster.TIMEOUT <= 10
        monkeypatch.setattr(cluster, "TIMEOUT", 1)
        assert "No cluster with a worker answers at 'tcp://127.0.0.1:9'" in refusal("tcp://127.0.0.1:9")
        with distributed.LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as nobody:
            address = nobody.scheduler_address
            assert f"No cluster with a worker answers at '{address}'" in refusal(address)

    def test_a_worker_with_other_libraries_or_other_code(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        versions, code, name = cluster.library_versions(), cluster.code_digest, "labcode.nets.estimators"
        monkeypatch.setattr(cluster, "library_versions", lambda: {**versions, "torch": "0.4.1"})
        monkeypatch.setattr(cluster, "code_digest", lambda module: "0" * 64 if module == name else code(module))
        message = refusal(address)
        assert message.startswith("The worker tcp://")
        assert f" has torch {versions['torch']} instead of 0.4.1, " in message
        assert f"the code of {name} {code(name)[:12]} instead of {'0' * 12}; install the same commit" in message
        assert in_parallel(square_slowly, [(3, 0.0)], n_jobs=None)[0][1] == os.getpid(), (
            "a task went there all the same"
        )


def test_experiments_on_a_cluster_give_the_results_of_this_machine(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("regression/baselines", "regression/selection")
    monkeypatch.setenv("LABCODE_PROFILE", "quick")
    here = {name: run.load(name) for name in names}
    monkeypatch.setenv("LABCODE_STORE_DIR", str(tmp_path))
    command = [sys.executable, "-m", "labcode.cli", "run", *names, "--cluster", address]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert f"2 workers at {address}" in answer.stdout
    for name, expected in here.items():
        assert f"{name}: computed in" in answer.stdout
        found = run.stored(name)
        assert found is not None and found.key == expected.key
        assert repr(found.scalars) == repr(expected.scalars)
        assert repr(found.tables) == repr(expected.tables)


def refusal(address: str) -> str:
    with pytest.raises(LabcodeError) as caught, cluster.connect(address):
        pass
    message = str(caught.value)
    # The client that found nobody is collected here, since while another one starts its `__del__` waits for ever.
    del caught
    gc.collect()
    return message


@contextmanager
def killing_the_worker_of(task: int, folder: Path) -> Iterator[list[int]]:
    """Kill, as soon as a task has noted that it started, the process that runs it; that process's number, once."""
    killed: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not killed and not over.wait(0.01):
            for path in folder.glob(f"{task} *"):
                killed.append(int(path.name.split()[1]))
                os.kill(killed[0], signal.SIGKILL)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield killed
    finally:
        over.set()
        watcher.join()


def square_slowly(number: int, seconds: float) -> tuple[int, int, int]:
    time.sleep(seconds)
    return number**2, os.getpid(), torch.get_num_threads()


def page_faults() -> int:
    """How often pages are asked for while 1,000 arrays of 1 MB come and go."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(1_000):
        np.ones(131_072)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def add_up(values: Floats, more: float) -> float:
    return float(values.sum()) + more


def note_and_add_up(folder: Path, number: int, values: Floats, seconds: float) -> float:
    """Leave a file for each time that the task starts, named by it and its process."""
    (folder / f"{number} {os.getpid()} {uuid.uuid4()}").touch()
    time.sleep(seconds)
    return add_up(values, number)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def weights(network: TabularRegressor | None) -> bytes:
    assert network is not None
    return b"".join(parameter.detach().numpy().tobytes() for parameter in network.net_.module_.parameters())
