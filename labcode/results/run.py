"""The result of an experiment: the stored one, else computed now, here or on a cluster."""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from fnmatch import fnmatchcase
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Protocol, TypeVar

import pandas as pd

from labcode import settings
from labcode.data.maintenance import load_maintenance
from labcode.data.prices import load_prices
from labcode.data.types import Dataset, DatasetName, Provenance
from labcode.errors import LabcodeError
from labcode.results import store
from labcode.results.experiments import Experiment, Payload, catalog, listed
from labcode.results.store import Result, Store
from labcode.results.typed import Origin, Results, flatten, unflatten

if TYPE_CHECKING:
    from threadpoolctl import threadpool_limits

__all__ = [
    "DATASETS",
    "Provenance",
    "Reporter",
    "asked",
    "keys",
    "load",
    "load_typed",
    "rows",
    "rows_of",
    "run",
    "stored",
    "survey",
    "typed",
]

R = TypeVar("R", bound=Results)

_LOADERS: dict[DatasetName, Callable[[], Dataset]] = {"prices": load_prices, "maintenance": load_maintenance}
#: Names of the data sets that experiments may ask for.
DATASETS: tuple[DatasetName, ...] = tuple(_LOADERS)
#: Digest of each module when this process first asked for it: the code that this process runs.
_running_code: dict[str, str] = {}
#: Results that could not be stored, by key, for the rest of this process.
_unstored: dict[str, Result] = {}
#: Key of each result that this process asked for: what a page rests on (see ``labcode.book.frozen``).
asked: dict[str, str] = {}
#: Digests of frames, by checksum of their source and number of rows.
_contents: dict[tuple[str, str, int], str] = {}


class Reporter(Protocol):
    """Hears how a run goes on."""

    def plan(self, missing: Sequence[Experiment]) -> None:
        """These are not stored and will be computed."""

    def stored(self, experiment: Experiment) -> None:
        """Its result is there already."""

    def started(self, experiment: Experiment) -> None:
        """Its computation starts."""

    def progress(self, experiment: Experiment, share: float) -> None:
        """This share of it is done, 0 to 1."""

    def computed(self, experiment: Experiment, seconds: float) -> None:
        """It is done."""


class Silence(Reporter):
    """Says nothing."""


def load(name: str) -> Result:
    """The result of an experiment: the stored one, else computed now, once however many processes ask."""
    return _Session().load(name)


def load_typed(kind: type[R]) -> R:
    """The result of the experiment that this kind names: the stored one, else computed now."""
    return typed(kind, load(kind.experiment))


def typed(kind: type[R], result: Result) -> R:
    """A stored result as the dataclass that its experiment returned."""
    origin = Origin(dict(result.meta.get("sources", {})), str(result.meta.get("profile", "full")))  # type: ignore[call-overload]
    return unflatten(kind, result.scalars, result.tables, result.arrays, origin)


def stored(name: str) -> Result | None:
    """The result of an experiment if it is stored; nothing is computed."""
    return _Session().find(name)


def survey(patterns: Sequence[str] = ()) -> dict[str, Result | None]:
    """What is stored of the experiments that match; nothing is computed."""
    session = _Session()
    return {name: session.find(name) for name in session.select(patterns)}


def keys() -> dict[str, str]:
    """The key of each experiment's result, stored or not."""
    session = _Session()
    return {name: session.key(name) for name in session.experiments}


def run(patterns: Sequence[str] = (), reporter: Reporter | None = None, *, at_once: int = 1) -> list[Result]:
    """Results of the experiments that match, computed where they are not stored, each after those that it needs.

    Patterns are names or such as ``"regression/*"``; none stands for all. One that matches nothing is an error.
    ``at_once`` experiments may run side by side, which only helps where their tasks go to a cluster.
    """
    session = _Session(reporter)
    names = session.select(patterns)
    missing = session.missing(names)
    session.reporter.plan(missing)
    if at_once > 1:
        session.compute_side_by_side(missing, at_once)
    return [session.load(name) for name in names]


def rows_of(name: DatasetName) -> Dataset:
    """A data set as experiments get it; a file that must be refused raises `DataError`."""
    return _LOADERS[name]()


def rows() -> dict[DatasetName, Dataset]:
    """All data sets, by name."""
    return {name: rows_of(name) for name in DATASETS}


class _Session:
    """One call's view: data sets, keys and results are looked up once in it."""

    def __init__(self, reporter: Reporter | None = None) -> None:
        self.reporter = reporter or Silence()
        self.experiments = listed()
        self.store = Store()
        self.versions = store.library_versions()
        self.data: dict[str, Dataset] = {}
        self.keys: dict[str, str] = {}
        self.results: dict[str, Result] = {}
        self.told: set[str] = set()

    def select(self, patterns: Sequence[str]) -> list[str]:
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in self.experiments):
                raise self._unknown(pattern)
        chosen = patterns or ("*",)
        return [name for name in self.experiments if any(fnmatchcase(name, pattern) for pattern in chosen)]

    def missing(self, names: Sequence[str]) -> list[Experiment]:
        """What has to be computed for these, in order."""
        order: dict[str, Experiment] = {}

        def visit(name: str) -> None:
            if name not in order and self.find(name) is None:
                for need in self.experiments[name].needs:
                    visit(need)
                order[name] = self.experiments[name]

        for name in names:
            visit(name)
        return list(order.values())

    def find(self, name: str) -> Result | None:
        key = asked[name] = self.key(name)
        found = self.results.get(name) or _unstored.get(key) or self.store.load(name, key)
        if found is not None:
            self.results[name] = found
        return found

    def load(self, name: str) -> Result:
        result = self.find(name)
        if result is None:
            experiment = self.experiments[name]
            needed = {need: self.load(need) for need in experiment.needs}
            with self.store.lock(name, self.key(name)):
                result = self.find(name) or self._compute(experiment, needed)
        if name not in self.told:
            self.told.add(name)
            self.reporter.stored(self.experiments[name])
        return result

    def compute_side_by_side(self, missing: Sequence[Experiment], at_once: int) -> None:
        """Load these in threads, each once what it needs is there."""
        names = {experiment.name for experiment in missing}
        order = TopologicalSorter({each.name: names.intersection(each.needs) for each in missing})
        order.prepare()
        running: dict[Future[Result], str] = {}
        pool = ThreadPoolExecutor(at_once)
        blas = _one_blas_thread()  # for all of them, since the threads of a process share the setting
        try:
            while order.is_active():
                running |= {pool.submit(self.load, name): name for name in order.get_ready()}
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    order.done(running.pop(future))
                    future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            blas.restore_original_limits()

    def key(self, name: str) -> str:
        if name not in self.experiments:
            raise self._unknown(name)
        if name not in self.keys:
            experiment = self.experiments[name]
            self.keys[name] = store.result_key(
                name, _spec(experiment), self._inputs(experiment), _code(experiment), self.versions
            )
        return self.keys[name]

    def _inputs(self, experiment: Experiment) -> dict[str, object]:
        return {
            "data": {name: _fingerprint(self._dataset(name)) for name in experiment.datasets},
            "needs": {name: self.key(name) for name in experiment.needs},
        }

    def _dataset(self, name: DatasetName) -> Dataset:
        if name not in self.data:
            self.data[name] = rows_of(name)
        return self.data[name]

    def _compute(self, experiment: Experiment, needed: Mapping[str, Result]) -> Result:
        experiment = catalog()[experiment.name]
        self.reporter.started(experiment)
        started = time.perf_counter()
        with _one_blas_thread():
            found = experiment.run(
                _spec(experiment),
                data={name: copy.deepcopy(self._dataset(name)) for name in experiment.datasets},
                results=needed,
                progress=lambda share: self.reporter.progress(experiment, share),
            )
        seconds = time.perf_counter() - started
        result = self._result(experiment, _payload(found), seconds)
        self._keep(experiment, result)
        self.told.add(experiment.name)
        self.reporter.computed(experiment, seconds)
        return result

    def _result(self, experiment: Experiment, payload: Payload, seconds: float) -> Result:
        return Result(
            experiment=experiment.name,
            key=self.key(experiment.name),
            scalars=dict(payload.scalars),
            tables={name: [dict(row) for row in rows] for name, rows in payload.tables.items()},
            arrays=dict(payload.arrays),
            meta={
                "device": payload.device,
                "seconds": seconds,
                "profile": settings.profile(),
                "versions": self.versions,
                "spec": store.plain_spec(_spec(experiment)),
                "code": _code(experiment),
                "sources": {name: self._dataset(name).provenance.source for name in experiment.datasets},
                **self._inputs(experiment),
            },
        )

    def _keep(self, experiment: Experiment, result: Result) -> None:
        self.results[experiment.name] = _unstored[result.key] = result
        module = experiment.run.__module__
        if store.code_digest(module) != _running_code[module]:
            store.note(f"{experiment.name} is not stored: {module} or what it imports was edited; start a new process.")
            return
        try:
            self.store.save(result)
            del _unstored[result.key]
        except OSError as error:
            store.note(f"{experiment.name} could not be stored in {self.store.root} ({error}); it is not kept.")

    def _unknown(self, name: str) -> LabcodeError:
        return LabcodeError(f"There is no experiment {name!r}; there are {', '.join(self.experiments)}.")


def _payload(found: Payload | Results) -> Payload:
    if isinstance(found, Payload):
        return found
    from labcode.nets.processes import training_device  # loads PyTorch, which has trained by now

    return Payload(**vars(flatten(found)), device=training_device())


def _one_blas_thread() -> threadpool_limits:
    """Matrix products in one thread from now on, so that the last bits of a sum do not depend on the cores."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="blas")


def _spec(experiment: Experiment) -> object:
    return experiment.quick if settings.profile() == "quick" else experiment.spec


def _code(experiment: Experiment) -> str:
    module = experiment.run.__module__
    digest = store.code_digest(module)
    _running_code.setdefault(module, digest)
    return digest


def _fingerprint(dataset: Dataset) -> dict[str, object]:
    """What tells the rows from others: their source's checksum, their number, and their values as parsed."""
    facts = dataset.provenance
    address = (facts.name, facts.sha256, facts.rows)
    if address not in _contents:
        hashes = pd.util.hash_pandas_object(dataset.frame).to_numpy()
        _contents[address] = hashlib.sha256(f"{list(dataset.frame)}".encode() + hashes.tobytes()).hexdigest()
    return {"sha256": facts.sha256, "rows": facts.rows, "values": _contents[address]}
