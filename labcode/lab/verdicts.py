"""Our first version's conclusions with what holds of them, from data/reference.toml."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from labcode.book.lacking import on_page
from labcode.book.reference import stated
from labcode.book.statements import Verdict, judged
from labcode.errors import LabcodeError
from labcode.lab import load
from labcode.results.typed import Results

_MODULES = [
    import_module(".".join(("labcode.lab", path.parent.name, path.stem)))
    for path in sorted(Path(__file__).parent.glob("*/*results.py"))
]
#: What a condition calls the result of an experiment: its name with underscores.
KINDS: dict[str, type[Results]] = {
    re.sub(r"\W", "_", kind.experiment): kind
    for module in _MODULES
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Results) and kind.experiment
}


def verdict(name: str) -> Verdict:
    """The verdict on a conclusion, by its id in data/reference.toml; see `load` for rows that lack something.

    `LabcodeError` if it has no condition, or one that names what is not there.
    """
    return on_page(lambda: _verdict(name))  # type: ignore[return-value]


def _verdict(name: str) -> Verdict:
    entry = stated(name)
    if not entry.holds and not entry.fails:
        raise LabcodeError(f"data/reference.toml: {name!r} has neither `holds` nor `fails`, so nothing judges it.")
    named = set(re.findall(r"\w+", f"{entry.holds} {entry.fails} {entry.because}"))
    names = {called: load(kind) for called, kind in KINDS.items() if called in named}
    return judged(entry.quote, holds=entry.holds, fails=entry.fails, because=entry.because, names=names)
