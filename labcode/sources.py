"""The source of each module as it was when it was imported: the code that runs, whatever its file says by now."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder
from pathlib import Path

#: Path and text of each module of the watched packages that was imported, from the moment of its import.
_imported: dict[str, tuple[Path, str]] = {}
_watched: set[str] = set()


class _Watcher(MetaPathFinder):
    """Finds nothing; notes what is about to be imported. What is imported again is not noted again."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> None:
        if name.partition(".")[0] in _watched and name not in _imported:
            _note(name)


def watch(package: str) -> None:
    """Note the source of every module of a package, from now on."""
    if package not in _watched:
        _watched.add(package)
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            _note(name)


def source(module: str, *, on_disk: bool = False) -> tuple[Path, str] | None:
    """Path and text of a module as it was imported, else as it is on disk; ``None`` if there is none."""
    if module in _imported and not on_disk:
        return _imported[module]
    path = _path(module)
    with suppress(OSError):
        return (path, path.read_text("utf-8")) if path else None
    return None


def _note(module: str) -> None:
    if found := source(module, on_disk=True):
        _imported[module] = found


def _path(module: str) -> Path | None:
    """Source file of a module, found without importing it or its parents."""
    top, *rest = module.split(".")
    spec = sys.modules[top].__spec__ if top in sys.modules else PathFinder.find_spec(top)
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin else None
    stems = [Path(folder, *rest) for folder in spec.submodule_search_locations or ()]
    files = [file for stem in stems for file in (stem / "__init__.py", stem.with_name(f"{stem.name}.py"))]
    return next((file for file in files if file.is_file()), None)


sys.meta_path.insert(0, _Watcher())
