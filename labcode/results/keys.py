"""What a number was computed by: a digest of the code that can change it, the versions of its libraries, the device.

Source is read here, never run, so that asking costs little and imports no deep-learning library.
"""

from __future__ import annotations

import ast
import ctypes
import hashlib
import importlib.metadata
import json
import sys
from contextlib import suppress
from functools import cache, lru_cache

from labcode import settings, sources
from labcode.errors import LabcodeError

#: Libraries whose versions enter every key, where they are installed: those that compute what experiments state.
LIBRARIES = ("imbalanced-learn", "numpy", "pandas", "scikit-learn", "scipy", "skorch", "torch")
#: Modules that cannot change a number, with everything inside them: their source enters no digest.
WITHOUT_NUMBERS = (
    "labcode.book",
    "labcode.cli",
    "labcode.errors",
    "labcode.files",
    "labcode.lab.config",
    "labcode.lab.needs",
    "labcode.results",
    "labcode.sources",
)


@lru_cache(maxsize=1)
def library_versions() -> dict[str, str]:
    """Versions of Python (its sums differ from 3.12 on) and of the libraries; none of them is imported."""
    versions = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for name in LIBRARIES:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def device() -> str:
    """What trains, such as ``"cpu"`` or ``"cuda (NVIDIA H200)"``; PyTorch is loaded only where there may be a GPU."""
    if settings.device_name() == "cpu" or (settings.device_name() is None and not _has_gpu_driver()):
        return "cpu"
    from labcode.nets.processes import training_device

    return training_device()


def _has_gpu_driver() -> bool:
    with suppress(OSError):
        return bool(ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"))
    return False


def code_digest(module: str, *, on_disk: bool = False) -> str:
    """Digest of a module's source and of all that it imports from its own package and from labcode.

    A module that is imported counts as it was then, any other as it is on disk; with `on_disk`, all as they are there.
    Comments, docstrings, layout, the annotations of undecorated functions, ``__version__`` and ``__all__`` do not
    count, nor do the modules in `WITHOUT_NUMBERS`. Imports are found wherever an ``import`` statement stands, in a
    function too; a module loaded by its name in a string is not found.
    """
    if sources.source(module, on_disk=on_disk) is None:
        raise LabcodeError(f"The source of {module} was not found, so its results cannot be told from older ones.")
    homes, waiting, essences = {module.partition(".")[0], "labcode"}, [module], dict[str, str]()
    while waiting:
        name = waiting.pop()
        if name in essences or name.partition(".")[0] not in homes or _without_numbers(name):
            continue
        if found := sources.source(name, on_disk=on_disk):
            path, text = found
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            essences[name], imported = _essence(text, package)
            waiting += [*imported, name.rpartition(".")[0]]
    return hashlib.sha256(json.dumps(essences, sort_keys=True).encode()).hexdigest()


def imports(source: str, package: str) -> list[str]:
    """Names that a source may import as modules, those inside functions too; it is read, not run.

    >>> imports("from labcode.book import text", "")
    ['labcode.book', 'labcode.book.text']
    """
    return list(_essence(source, package)[1])


def _without_numbers(name: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in WITHOUT_NUMBERS)


@cache
def _essence(source: str, package: str) -> tuple[str, tuple[str, ...]]:
    """Digest of the part of a source that can change a number, and the modules that it may import."""
    stripped = _Essence(package)
    tree = stripped.visit(ast.parse(source))
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), tuple(stripped.imports)


class _Essence(ast.NodeTransformer):
    """Drops what cannot change a number, and notes imports."""

    def __init__(self, package: str) -> None:
        self.package = package.split(".")
        self.imports: list[str] = []

    def visit_Import(self, node: ast.Import) -> ast.Import:
        self.imports += [alias.name for alias in node.names]
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        base = self.package[: len(self.package) - node.level + 1] if node.level else []
        origin = ".".join([*base, *([node.module] if node.module else [])])
        self.imports += [origin, *(f"{origin}.{alias.name}" for alias in node.names)]
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if isinstance(node.value, ast.Constant) else node

    def visit_Assign(self, node: ast.Assign) -> ast.Assign | None:
        target = node.targets[0]
        return None if isinstance(target, ast.Name) and target.id in ("__version__", "__all__") else node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        # What a figure is called on a page and how it is printed is no part of it; its type, the kind of its interval
        # and the name under which it is stored are.
        note = node.annotation
        if isinstance(note, ast.Subscript) and isinstance(note.value, ast.Name) and note.value.id == "Annotated":
            parts = note.slice.elts if isinstance(note.slice, ast.Tuple) else []
            words = [each for part in parts[1:] for each in ast.walk(part) if isinstance(each, ast.keyword)]
            kept = [each for each in words if each.arg in ("over", "name")]
            node.annotation = ast.Call(ast.Name("kept", ast.Load()), list(parts[:1]), kept)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if not node.decorator_list:  # a decorator may read annotations
            node.returns = None
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg):
                    argument.annotation = None
        return self.generic_visit(node)
