"""The named experiments: which there are, and what each is computed from.

Finding a stored result imports no deep-learning library, so that a chapter starts at once; experiment modules import
theirs inside the functions that train.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import numpy as np

from labcode.data.types import Dataset, DatasetName
from labcode.errors import LabcodeError
from labcode.results import listing, store
from labcode.results.typed import Results

#: Takes the share of an experiment that is done, 0 to 1.
Progress = Callable[[float], None]
#: Where the lab's experiments lie: in every module below this folder that has a tuple ``EXPERIMENTS``.
LAB = Path(__file__).parents[1] / "lab"


@dataclass(frozen=True, kw_only=True)
class Payload:
    """What an experiment's function returns; see :class:`labcode.results.store.Result` for the parts."""

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
    lacks
        What the rows must have and have not, in words; empty where it can be computed from them.
    seconds
        Rough cost on 2 cores, the first guess of the remaining time.
    """

    name: str
    run: Callable[..., Payload | Results]
    spec: object
    quick: object
    datasets: tuple[DatasetName, ...]
    needs: tuple[str, ...] = ()
    lacks: Callable[[Mapping[str, Dataset]], str] = lambda data: ""
    seconds: float = 10.0


def modules() -> tuple[str, ...]:
    """The lab's modules that have a tuple ``EXPERIMENTS``, found by their text; none is imported."""
    root = LAB.parents[1]
    files = sorted(path for path in LAB.rglob("*.py") if "\nEXPERIMENTS" in path.read_text("utf-8"))
    return tuple(".".join(path.relative_to(root).with_suffix("").parts) for path in files)


def catalog() -> dict[str, Experiment]:
    """All experiments by name, each after those that it needs.

    Two that share a name, or one that needs what does not exist or what needs it in turn, raise `LabcodeError`.
    """
    listed = [experiment for module in modules() for experiment in importlib.import_module(module).EXPERIMENTS]
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


def listed() -> dict[str, Experiment]:
    """As :func:`catalog`, but without importing the modules where their list is remembered.

    The spec of a remembered experiment is a mapping, and to compute it takes :func:`catalog`.
    """
    if entries := listing.remembered(modules()):
        return {each["name"]: Experiment(**each | {"run": _Elsewhere(each["run"])}) for each in entries}
    found = catalog()
    names = [field.name for field in fields(Experiment) if field.name != "lacks"]
    entries = [{name: getattr(each, name) for name in names} for each in found.values()]
    for entry in entries:
        entry["run"] = entry["run"].__module__
        entry["spec"], entry["quick"] = store.plain_spec(entry["spec"]), store.plain_spec(entry["quick"])
    listing.remember(modules(), entries)
    return found


class _Elsewhere:
    """Stands for an experiment's function in a module that is not imported."""

    def __init__(self, module: str) -> None:
        self.__module__ = module

    def __call__(self, *_: object, **__: object) -> Payload:
        raise LabcodeError(f"{self.__module__} is not imported, so nothing in it can run.")
