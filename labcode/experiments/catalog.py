"""The named experiments: which there are, what each is computed from, and its result, stored or computed now.

Finding a stored result imports no deep-learning library, so that a chapter starts at once; experiment modules import
theirs inside the functions that train.
"""

from __future__ import annotations

import copy
import hashlib
import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
import pandas as pd

from labcode import settings, store
from labcode.data.maintenance import load_maintenance
from labcode.data.prices import load_prices
from labcode.data.types import Dataset, DatasetName
from labcode.errors import LabcodeError
from labcode.experiments import listing
from labcode.results.typed import Origin, Results, flatten, unflatten
from labcode.store import Result, Store

if TYPE_CHECKING:
    from threadpoolctl import threadpool_limits

#: Modules with experiments; each has a tuple ``EXPERIMENTS``.
MODULES = (
    "labcode.lab.eda.experiments",
    "labcode.lab.regression.experiments",
    "labcode.lab.regression.repair",
    "labcode.lab.regression.outlook",
    "labcode.lab.classification.ceiling_experiments",
    "labcode.lab.tuning.first_experiments",
    "labcode.lab.tuning.experiments",
    "labcode.lab.classification.first_experiments",
    "labcode.lab.classification.balancing_experiments",
    "labcode.lab.classification.regularizing_experiments",
    "labcode.lab.classification.faults_experiments",
    "labcode.lab.classification.sound_experiments",
    "labcode.lab.classification.decision_experiments",
    "labcode.lab.classification.tuned_experiments",
    "labcode.lab.regularization.first_experiments",
    "labcode.lab.regularization.few_rows_experiments",
)

R = TypeVar("R", bound=Results)
#: Takes the share of an experiment that is done, 0 to 1.
Progress = Callable[[float], None]

_LOADERS: dict[DatasetName, Callable[[], Dataset]] = {"prices": load_prices, "maintenance": load_maintenance}
#: Digest of each module when this process first asked for it: the code that this process runs.
_running_code: dict[str, str] = {}
#: Results that could not be stored, by key, for the rest of this process.
_unstored: dict[str, Result] = {}
#: Digests of frames, by checksum of their source and number of rows.
_contents: dict[tuple[str, str, int], str] = {}


@dataclass(frozen=True, kw_only=True)
class Payload:
    """What an experiment's function returns; see :class:`labcode.store.Result` for the parts."""

    scalars: Mapping[str, float | int | str]
    tables: Mapping[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A named computation.

    Attributes
    ----------
    name
        Such as ``"regression/sound"``.
    run
        Called as ``run(spec, data={name: Dataset}, results={name: Result}, progress=Progress)``. Its module, and what
        that imports, enter the key. It returns :class:`~labcode.results.typed.Results`, or a :class:`Payload`.
    spec, quick
        Frozen dataclasses for the profiles ``full`` and ``quick``.
    datasets, needs
        Names of the data sets handed over in ``data`` and of the experiments whose results are handed over in
        ``results``; what they hold enters the key.
    seconds
        Rough cost on 2 cores, the first guess of the remaining time.
    """

    name: str
    run: Callable[..., Payload | Results]
    spec: object
    quick: object
    datasets: tuple[DatasetName, ...]
    needs: tuple[str, ...] = ()
    seconds: float = 10.0


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


def catalog() -> dict[str, Experiment]:
    """All experiments by name, each after those that it needs.

    Two that share a name, or one that needs what does not exist or what needs it in turn, raise `LabcodeError`.
    """
    listed = [experiment for module in MODULES for experiment in importlib.import_module(module).EXPERIMENTS]
    named = {experiment.name: experiment for experiment in listed}
    if len(named) < len(listed):
        raise LabcodeError(f"Two experiments share a name: {', '.join(sorted(e.name for e in listed))}.")
    try:
        order = TopologicalSorter({name: experiment.needs for name, experiment in named.items()}).static_order()
        return {name: named[name] for name in order}
    except CycleError as error:
        raise LabcodeError(f"Experiments need each other in a circle: {' needs '.join(error.args[1])}.") from None
    except KeyError as error:
        raise LabcodeError(f"An experiment needs {error}, but there are only {', '.join(named)}.") from None


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


def listed() -> dict[str, Experiment]:
    """As :func:`catalog`, but without importing the modules where their list is remembered.

    The spec of a remembered experiment is a mapping, and to compute it takes :func:`catalog`.
    """
    if entries := listing.remembered(MODULES):
        return {each["name"]: Experiment(**each | {"run": _Elsewhere(each["run"])}) for each in entries}
    found = catalog()
    entries = [{field.name: getattr(each, field.name) for field in fields(each)} for each in found.values()]
    for entry in entries:
        entry["run"] = entry["run"].__module__
        entry["spec"], entry["quick"] = store.plain_spec(entry["spec"]), store.plain_spec(entry["quick"])
    listing.remember(MODULES, entries)
    return found


class _Elsewhere:
    """Stands for an experiment's function in a module that is not imported."""

    def __init__(self, module: str) -> None:
        self.__module__ = module

    def __call__(self, *_: object, **__: object) -> Payload:
        raise LabcodeError(f"{self.__module__} is not imported, so nothing in it can run.")


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
        key = self.key(name)
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
            self.data[name] = _LOADERS[name]()
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
    from labcode.parallel import training_device  # loads PyTorch, which has trained by now

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
