"""Training on several machines: the tasks of ``in_parallel`` on a ``dask.distributed`` cluster."""

from __future__ import annotations

import gc
import hashlib
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import cloudpickle

from labcode.errors import LabcodeError, quoted
from labcode.nets.processes import in_one_thread, using
from labcode.results.keys import code_digest, library_versions

T = TypeVar("T")

#: Pickled arguments of at least this many bytes are sent to the workers once, and named by their content after that.
LARGE = 100_000
#: Seconds to find the scheduler, and then its first worker.
TIMEOUT = 10
#: Times that a task may lose its worker and its arguments (each time, dask itself tries on three workers).
ATTEMPTS = 3
#: Workers that one machine may be asked for.
MOST_WORKERS = 256
#: Modules whose source must be the same on all machines.
MODULES = ("labcode.nets.together", "labcode.lab.regression.ladder", "labcode.nets.estimators")


@contextmanager
def connect(address: str) -> Iterator[Cluster]:
    """Run the tasks of :func:`~labcode.nets.processes.in_parallel` on a cluster while inside.

    The address is that of a running scheduler, such as ``"tcp://10.0.0.1:8786"``; or ``"local:N"``, which starts ``N``
    worker processes on this machine and ends them afterwards. If dask is not installed, nobody answers, or a worker has
    other code or other libraries, `LabcodeError` is raised.
    """
    try:
        import distributed
    except ImportError:
        raise LabcodeError("--cluster needs dask; install it with: pip install 'labcode[cluster]'") from None
    with ExitStack() as stack:
        where: Any = address
        if address.startswith("local:"):
            where = stack.enter_context(_local_cluster(address.removeprefix("local:")))
        elif not re.fullmatch(r"((tcp|tls|wss?|ucx)://)?[\w.\-\[\]:%]{1,260}:[0-9]{1,5}", address):
            raise LabcodeError(f"--cluster {quoted(address)} is no address; expected such as tcp://10.0.0.1:8786.")
        try:
            client = stack.enter_context(distributed.Client(where, timeout=TIMEOUT, set_as_default=False))
            client.wait_for_workers(1, timeout=TIMEOUT)
        except (OSError, ValueError, TypeError, TimeoutError) as error:
            gc.collect()  # dask's half-open client would otherwise be collected while another starts, and lock it
            raise LabcodeError(
                f"No cluster with a worker answers at {quoted(address)} ({quoted(error, 300)}); start `dask scheduler` "
                "and `dask worker ADDRESS --nthreads 1`, and pass the scheduler's address, or use --cluster local:2."
            ) from error
        cluster = Cluster(client)
        cluster.check_workers()
        with using(cluster):
            yield cluster


def _local_cluster(number: str) -> Any:
    import distributed

    if not number.isdecimal() or not 1 <= int(number[:9]) <= MOST_WORKERS:
        says = f"--cluster {quoted(f'local:{number}')} names no number of workers; expected such as local:2."
        raise LabcodeError(says)
    return distributed.LocalCluster(
        n_workers=int(number), threads_per_worker=1, memory_limit=None, dashboard_address="127.0.0.1:0"
    )


class Cluster:
    """A :class:`~labcode.nets.processes.Pool` whose workers may be anywhere.

    Large arguments are sent to every worker once, so that the death of one loses none. If a worker dies, the tasks that
    it had not finished go to others.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.sent: dict[str, Any] = {}

    @property
    def count(self) -> int:
        """Workers that are there now."""
        return len(self.client.scheduler_info(n_workers=-1)["workers"])

    def check_workers(self) -> None:
        """Refuse workers whose numbers could differ from this machine's."""
        own = fingerprint()
        for worker, theirs in self.client.run(fingerprint).items():
            other = [
                f"{name} {theirs.get(name)} instead of {own[name]}" for name in own if theirs.get(name) != own[name]
            ]
            if other:
                raise LabcodeError(
                    f"The worker {worker} has {', '.join(other)}; install the same commit of this project and "
                    "requirements.lock there."
                )

    def map(self, task: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> Iterator[T]:
        """Call the task with each tuple of arguments on the workers; the answers in order."""
        from distributed import KilledWorker, as_completed

        places = {self._submit(task, each): i for i, each in enumerate(arguments)}
        deaths: Counter[int] = Counter()
        answers: dict[int, T] = {}
        given = 0
        finished = as_completed(list(places), loop=self.client.loop)
        for future in finished:  # answers leave the workers at once, so that a death costs only what was running
            i = places.pop(future)
            try:
                answers[i] = future.result()
            except (KilledWorker, CancelledError) as error:
                deaths[i] += 1
                again = self._submit_again(task, arguments[i], deaths[i], error)
                places[again] = i
                finished.add(again)
            while given in answers:
                yield answers.pop(given)
                given += 1

    def _submit_again(self, task: Callable[..., T], arguments: tuple[Any, ...], deaths: int, error: Exception) -> Any:
        try:
            self.client.wait_for_workers(1, timeout=TIMEOUT)
        except TimeoutError:
            deaths = ATTEMPTS
        if deaths >= ATTEMPTS:
            raise LabcodeError(
                f"The workers of the cluster died while they computed {task.__name__}; their own output says why (out "
                "of memory?). What is finished is kept, and the same command resumes."
            ) from error
        self.sent = {name: future for name, future in self.sent.items() if future.status == "finished"}
        return self._submit(task, arguments)

    def _submit(self, task: Callable[..., T], arguments: tuple[Any, ...]) -> Any:
        references = [self._reference(argument) for argument in arguments]
        return self.client.submit(in_one_thread, task, references, pure=False)

    def _reference(self, argument: Any) -> Any:
        """A large argument as a reference to where it lies; a list element by element."""
        if isinstance(argument, list):
            return [self._reference(each) for each in argument]
        pickled = cloudpickle.dumps(argument)
        if len(pickled) < LARGE:
            return argument
        name = hashlib.sha256(pickled).hexdigest()
        if name not in self.sent:
            self.sent[name] = self._scatter(argument)
        return self.sent[name]

    def _scatter(self, argument: Any) -> Any:
        """Send to all workers; once more where one of them dies meanwhile."""
        for attempt in range(ATTEMPTS):
            try:
                return self.client.scatter(argument, broadcast=True, hash=False)
            except (OSError, TimeoutError) as error:
                failure = error
                self.client.wait_for_workers(1, timeout=TIMEOUT)
                time.sleep(attempt)
        raise LabcodeError(f"The rows could not be sent to the workers of the cluster ({failure}).") from failure


def fingerprint() -> dict[str, str]:
    """Versions and code that decide the numbers of a process."""
    return {**library_versions(), **{f"the code of {name}": code_digest(name)[:12] for name in MODULES}}
