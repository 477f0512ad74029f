"""The named experiments: which there are, and what each is computed from."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from labcode import settings, sources
from labcode.errors import LabcodeError, quoted
from labcode.results.typed import Results

#: Takes the share of an experiment that is done, 0 to 1.
Progress = Callable[[float], None]


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A named computation, such as ``"regression/sound"``.

    It is called as ``run(spec, data={name: Dataset}, results={name: Result}, progress=Progress)``; its module, and what
    that imports, enter the key. ``spec`` and ``quick`` are frozen dataclasses for the profiles ``full`` and ``quick``.
    What the named ``datasets`` and the results of the experiments that it ``needs`` hold enters the key. ``lacks`` says
    what the rows must have and have not, in words, empty where it can be computed from them. ``seconds`` is its rough
    cost on 2 cores, the first guess of the remaining time.
    """

    name: str
    run: Callable[..., Results]
    spec: object
    quick: object
    datasets: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    lacks: Callable[[Mapping[str, Any]], str] = lambda data: ""
    seconds: float = 10.0

    def __post_init__(self) -> None:
        sources.watch(self.run.__module__.partition(".")[0])

    @property
    def settings(self) -> object:
        """The spec of the profile."""
        return self.quick if settings.profile() == "quick" else self.spec


def modules() -> tuple[str, ...]:
    """The modules of the lab that have a tuple ``EXPERIMENTS``, found by their text; none is imported."""
    return tuple(_modules(settings.lab_package()))


def _modules(package: str) -> Iterator[str]:
    spec = find_spec(package)
    for folder in map(Path, spec.submodule_search_locations or () if spec else ()):
        for path in sorted(folder.rglob("*.py")):
            if "\nEXPERIMENTS" in path.read_text("utf-8"):
                yield ".".join([package, *path.relative_to(folder).with_suffix("").parts])


def find(name: str) -> Experiment:
    """One experiment; of the lab's modules, those of its chapter's folder are imported first, then as many as needed.

    `LabcodeError` if there is none of that name.
    """
    chapter = name.partition("/")[0]
    for module in sorted(modules(), key=lambda module: f".{chapter}." not in module):
        for experiment in _listed(module):
            if experiment.name == name:
                return experiment
    raise LabcodeError(f"There is no experiment {quoted(name)}; there are {', '.join(catalog())}.")


def _listed(module: str) -> tuple[Experiment, ...]:
    listed: tuple[Experiment, ...] = importlib.import_module(module).EXPERIMENTS
    return listed


def catalog() -> dict[str, Experiment]:
    """All experiments by name, each after those that it needs.

    Two that share a name, or one that needs what does not exist or what needs it in turn, raise `LabcodeError`.
    """
    listed = [experiment for module in modules() for experiment in _listed(module)]
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
