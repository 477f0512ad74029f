"""The result of an experiment: the stored one, else computed now."""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from labcode import settings
from labcode.errors import LabcodeError, RowsError, quoted
from labcode.results import store
from labcode.results.experiments import Experiment, catalog, find
from labcode.results.keys import code_digest, device, library_versions
from labcode.results.store import Result, Store
from labcode.results.typed import Origin, Results, flatten, unflatten

if TYPE_CHECKING:
    from labcode.data.types import Dataset
    from labcode.data.types import Provenance as Provenance

R = TypeVar("R", bound=Results)

#: Results that could not be stored, by key, for the rest of this process.
_unstored: dict[str, Result] = {}
#: Key of each result that this process asked for: what a page rests on (see ``labcode.book.frozen``).
asked: dict[str, str] = {}
#: Digests of frames, by name, checksum of their source, and number of rows.
_contents: dict[tuple[str, str, int], str] = {}


class Reporter:
    """Hears how a run goes on; this one says nothing of it."""

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


def load(name: str) -> Result:
    """The result of an experiment: the stored one, else computed now, once however many processes ask."""
    return _Session().load(name)


def load_typed(kind: type[R]) -> R:
    """The result of the experiment that this kind names: the stored one, else computed now."""
    return typed(kind, load(kind.experiment))


def typed(kind: type[R], result: Result) -> R:
    """A stored result as the dataclass that its experiment returned."""
    origin = Origin(dict(result.meta.get("sources", {})), str(result.meta.get("profile", "full")))
    return unflatten(kind, result.scalars, result.tables, result.arrays, origin)


def stored(name: str) -> Result | None:
    """The result of an experiment if it is stored; nothing is computed."""
    return _Session().stored(name)


def survey(patterns: Sequence[str] = ()) -> dict[str, Result | None]:
    """What is stored of the experiments that match; nothing is computed."""
    session = _Session()
    return {name: session.stored(name) for name in _matching(patterns)}


def keys() -> dict[str, str]:
    """The key of each experiment's result, stored or not."""
    session = _Session()
    return {name: session.key(name) for name in catalog()}


def run(patterns: Sequence[str] = (), reporter: Reporter | None = None) -> list[Result]:
    """Results of the experiments that match, computed where they are not stored, each after those that it needs.

    Patterns are names or such as ``"regression/*"``; none stands for all. One that matches nothing is an error.
    """
    names, session = _matching(patterns), _Session(reporter)
    session.reporter.plan(session.missing(names))
    results: list[Result] = []
    lacks: dict[str, list[str]] = {}
    for name in names:
        try:
            results.append(session.load(name))
        except RowsError as error:  # the others are computed all the same
            for lack, lacking in error.lacks.items():
                lacks[lack] = list(dict.fromkeys([*lacks.get(lack, []), *lacking]))
    if lacks:
        raise RowsError(lacks)
    return results


def unstored() -> list[str]:
    """Experiments whose results this process computed but could not store."""
    return [result.experiment for result in _unstored.values()]


def datasets() -> tuple[str, ...]:
    """Names of the data sets that experiments ask for."""
    return tuple(dict.fromkeys(name for experiment in catalog().values() for name in experiment.datasets))


def rows(name: str) -> Dataset:
    """A data set as experiments get it; a file that must be refused raises `DataError`."""
    from labcode.data.maintenance import load_maintenance  # here, since a report on other rows needs none of them
    from labcode.data.prices import load_prices

    return {"prices": load_prices, "maintenance": load_maintenance}[name]()


def _matching(patterns: Sequence[str]) -> list[str]:
    names = list(catalog())
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise LabcodeError(f"There is no experiment {quoted(pattern)}; there are {', '.join(names)}.")
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns or ("*",))]


class _Session:
    """One call's view: data sets, keys and results are looked up once in it."""

    def __init__(self, reporter: Reporter | None = None) -> None:
        self.reporter = reporter or Reporter()
        self.store = Store()
        self.experiments: dict[str, Experiment] = {}
        self.data: dict[str, Dataset] = {}
        self.codes: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        self.told: set[str] = set()
        self.results: dict[str, Result] = {}

    def missing(self, names: Sequence[str]) -> list[Experiment]:
        """What has to be computed for these, in order."""
        order: dict[str, Experiment] = {}

        def visit(name: str) -> None:
            if name not in order and self.stored(name) is None:
                for need in self._experiment(name).needs:
                    visit(need)
                order[name] = self._experiment(name)

        for name in names:
            visit(name)
        return list(order.values())

    def stored(self, name: str) -> Result | None:
        key = asked[name] = self.key(name)
        found = self.results.get(name) or _unstored.get(key) or self.store.load(name, key)
        if found is not None:
            self.results[name] = found
        return found

    def load(self, name: str) -> Result:
        experiment, result = self._experiment(name), self.stored(name)
        if result is None:
            needed = {need: self.load(need) for need in experiment.needs}
            with self.store.lock(name, self.key(name)):
                result = self.stored(name) or self._compute(experiment, needed)
        if name not in self.told:
            self.told.add(name)
            self.reporter.stored(experiment)
        return result

    def _experiment(self, name: str) -> Experiment:
        if name not in self.experiments:
            self.experiments[name] = find(name)
        return self.experiments[name]

    def key(self, name: str) -> str:
        if name not in self.keys:
            experiment = self._experiment(name)
            self.codes[name] = code_digest(experiment.run.__module__)
            inputs = self._inputs(experiment)
            self.keys[name] = store.result_key(name, experiment.settings, inputs, self.codes[name], *_machine())
        return self.keys[name]

    def _inputs(self, experiment: Experiment) -> dict[str, object]:
        return {
            "data": {name: _fingerprint(self._rows(name)) for name in experiment.datasets},
            "needs": {name: self.key(name) for name in experiment.needs},
        }

    def _rows(self, name: str) -> Dataset:
        if name not in self.data:
            self.data[name] = rows(name)
        return self.data[name]

    def _compute(self, experiment: Experiment, needed: Mapping[str, Result]) -> Result:
        from threadpoolctl import threadpool_limits

        data = {name: copy.deepcopy(self._rows(name)) for name in experiment.datasets}
        if lack := experiment.lacks(data):
            raise RowsError({lack: [experiment.name]})
        self.reporter.started(experiment)
        started = time.perf_counter()
        with threadpool_limits(1, user_api="blas"):  # so that the last bits of a sum do not depend on the cores
            found = experiment.run(
                experiment.settings,
                data=data,
                results=needed,
                progress=lambda share: self.reporter.progress(experiment, share),
            )
        seconds = time.perf_counter() - started
        result = self._result(experiment, found, seconds)
        self._keep(experiment, result)
        self.told.add(experiment.name)
        self.reporter.computed(experiment, seconds)
        return result

    def _result(self, experiment: Experiment, found: Results, seconds: float) -> Result:
        versions, device = _machine()
        meta: dict[str, Any] = {
            "device": device,
            "seconds": seconds,
            "profile": settings.profile(),
            "versions": versions,
            "spec": store.plain_spec(experiment.settings),
            "code": self.codes[experiment.name],
            "sources": {name: _source(self._rows(name).provenance) for name in experiment.datasets},
            **self._inputs(experiment),
        }
        return Result(experiment=experiment.name, key=self.key(experiment.name), meta=meta, **vars(flatten(found)))

    def _keep(self, experiment: Experiment, result: Result) -> None:
        self.results[experiment.name] = _unstored[result.key] = result
        module = experiment.run.__module__
        # What the key was made of must still be what runs here, and what processes started since have read.
        if {code_digest(module, on_disk=on_disk) for on_disk in (False, True)} != {self.codes[experiment.name]}:
            store.note(f"{experiment.name} is not stored: {module} or what it imports was edited; start a new process.")
            return
        try:
            self.store.save(result)
            del _unstored[result.key]
        except OSError as error:
            store.note(f"{experiment.name} could not be stored in {self.store.root} ({error}); it is not kept.")


def _machine() -> tuple[dict[str, str], str]:
    return library_versions(), device()


def _source(facts: Provenance) -> str:
    return "part" if facts.partial else facts.source


def _fingerprint(dataset: Dataset) -> dict[str, object]:
    """What tells the rows from others: their source's checksum, their number, and their values as parsed."""
    facts = dataset.provenance
    address = (facts.name, facts.sha256, facts.rows)
    if address not in _contents:
        hashes = pd.util.hash_pandas_object(dataset.frame).to_numpy()
        _contents[address] = hashlib.sha256(f"{list(dataset.frame)}".encode() + hashes.tobytes()).hexdigest()
    return {"sha256": facts.sha256, "rows": facts.rows, "values": _contents[address]}
