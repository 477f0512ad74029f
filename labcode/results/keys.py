"""What code a number was computed by: a digest of the source that can change it, and the versions of its libraries.

Source is read here, never run, so that asking costs little and imports no deep-learning library.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import json
import sys
from contextlib import suppress
from pathlib import Path

from labcode import settings
from labcode.errors import LabcodeError
from labcode.files import keep

#: Libraries whose versions enter every key.
LIBRARIES = ("torch", "scikit-learn", "imbalanced-learn", "numpy")
#: Modules that cannot change a number, with everything inside them: their source enters no digest.
WITHOUT_NUMBERS = ("labcode.book", "labcode.cli", "labcode.errors", "labcode.lab.config", "labcode.results")

#: Number of the rules by which an essence is taken; a change of them makes older ones worthless.
_RULES = 3
#: Essences that the file keeps, the newest: several states of all modules.
_MOST_KEPT = 500


def library_versions() -> dict[str, str]:
    """Installed versions of the libraries that can change a number; none of them is imported."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES}


def code_digest(module: str) -> str:
    """Digest of a module's source and of all that it imports from its own package and from labcode.

    Comments, docstrings, layout, the annotations of undecorated functions, ``__version__`` and ``__all__`` do not
    count, nor do the modules in `WITHOUT_NUMBERS`. The source is read, not run. Imports are found wherever an
    ``import`` statement stands, in a function too; a module loaded by its name in a string is not found.
    """
    if _source(module) is None:
        raise LabcodeError(f"The source of {module} was not found, so its results cannot be told from older ones.")
    homes, waiting, found = {module.partition(".")[0], "labcode"}, [module], dict[str, str]()
    while waiting:
        name = waiting.pop()
        if name in found or name.partition(".")[0] not in homes or _without_numbers(name):
            continue
        file = _source(name)
        if file is not None:
            package = name if file.name == "__init__.py" else name.rpartition(".")[0]
            found[name], imported = _essences.get(file.read_text("utf-8"), package)
            waiting += [*imported, name.rpartition(".")[0]]
    save()
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def _without_numbers(name: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in WITHOUT_NUMBERS)


def _source(module: str) -> Path | None:
    """Source file of a module, found without importing it or its parents."""
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top) if top else None
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin else None
    stems = [Path(folder, *rest) for folder in spec.submodule_search_locations or ()]
    files = [file for stem in stems for file in (stem / "__init__.py", stem.with_name(f"{stem.name}.py"))]
    return next((file for file in files if file.is_file()), None)


class _Essences:
    """Essences of sources parsed before, kept in a file of the store folder: parsing all takes a second or two."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self.known: dict[str, tuple[str, list[str]]] = {}
        self.is_new = False

    def get(self, source: str, package: str) -> tuple[str, list[str]]:
        """The part of a source that can change a number, and the modules that it may import."""
        self._open(settings.store_dir() / "essences.json")
        address = hashlib.sha256(f"{sys.version_info}\0{_RULES}\0{package}\0{source}".encode()).hexdigest()
        if address not in self.known:
            tree = ast.parse(source)
            imports = [name for node in ast.walk(tree) for name in _imported(node, package)]
            self.known[address] = ast.unparse(_Essence().visit(tree)), imports
            self.is_new = True
        return self.known[address]

    def _open(self, path: Path) -> None:
        if path != self.path:
            self.path = path
            # Where the file is not there, or damaged, it is made anew.
            with suppress(OSError, ValueError, TypeError, AttributeError):
                read = json.loads(path.read_text("utf-8"))
                self.known |= {address: (str(text), list(names)) for address, (text, names) in read.items()}

    def save(self) -> None:
        """Write what is new; a folder that cannot be written only costs time."""
        if self.is_new and self.path is not None:
            self.is_new = False
            keep(self.path, json.dumps(dict(list(self.known.items())[-_MOST_KEPT:])))


_essences = _Essences()


def imports(source: str, package: str) -> list[str]:
    """Names that a source may import as modules, those inside functions too; it is read, not run.

    >>> imports("from labcode.book import text", "")
    ['labcode.book', 'labcode.book.text']
    """
    return _essences.get(source, package)[1]


def save() -> None:
    """Remember in the store folder what was read, so that the next process need not parse it."""
    _essences.save()


def _imported(node: ast.AST, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1] if node.level else []
    origin = ".".join([*base, *([node.module] if node.module else [])])
    return [origin, *(f"{origin}.{alias.name}" for alias in node.names)]


class _Essence(ast.NodeTransformer):
    """Drops what cannot change a number."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if isinstance(node.value, ast.Constant) else node

    def visit_Assign(self, node: ast.Assign) -> ast.Assign | None:
        return None if ast.unparse(node.targets) in ("__version__", "__all__") else node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        # What a figure is called on a page and how it is printed is no part of it; its type, the kind of its interval
        # and the name under which it is stored are.
        note = node.annotation
        if isinstance(note, ast.Subscript) and ast.unparse(note.value) == "Annotated":
            parts = note.slice.elts if isinstance(note.slice, ast.Tuple) else []
            words = [each for part in parts[1:] for each in ast.walk(part) if isinstance(each, ast.keyword)]
            kept = [each for each in words if each.arg in ("over", "name")]
            node.annotation = ast.Call(ast.Name("kept", ast.Load()), list(parts[:1]), kept)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if not node.decorator_list:  # a decorator may read annotations
            node.returns = None
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg):
                    argument.annotation = None
        return self.generic_visit(node)
