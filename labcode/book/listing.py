"""Code shown on a page, taken from the source that ran, so that the two cannot differ."""

from __future__ import annotations

import ast
import importlib.util
import re
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from IPython.display import Markdown

from labcode.errors import RenderError
from labcode.settings import project_root

#: A note to the type checker, which is nothing to a reader.
_IGNORED = re.compile(r"  # type: ignore\[[\w, -]*\]$")
#: Files that this process has shown code from: what a page rests on (see :mod:`labcode.book.frozen`).
read: set[str] = set()
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def listing(module: str, *names: str, imports: bool = True) -> Markdown:
    """Functions and classes of a module as a code block, whole but for their docstrings.

    Parameters
    ----------
    module
        Such as ``"labcode.nets.mlp"``; it is read, not imported.
    names
        Such as ``"position"``, ``"MLP"``, or ``"MLP.forward"`` for one method below the line of its class.
    imports
        Whether the imports and constants of the module that this code needs stand before it, once.

    Raises
    ------
    RenderError
        If the module or a name in it does not exist.
    """
    path = _file(module)
    title = path.relative_to(project_root()).as_posix() if path.is_relative_to(project_root()) else module
    return Markdown(  # type: ignore[no-untyped-call]
        f'```{{.python filename="{title}"}}\n{source_of(module, *names, imports=imports)}\n```'
    )


def source_of(module: str, *names: str, imports: bool = True) -> str:
    """The code that :func:`listing` shows; with its imports it can be run by itself."""
    text = _file(module).read_text("utf-8")
    tree = ast.parse(text)
    shown = [_shown(text, tree, name, module) for name in names]
    code = "\n\n\n".join(shown)
    needed = list(_needed(text, tree, code)) if imports else []
    return "\n\n".join(["\n".join(needed), code]) if needed else code


def _file(module: str) -> Path:
    found = None
    with suppress(ModuleNotFoundError):  # of a package that is not there
        found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise RenderError(f"There is no module {module!r} to show code from.")
    read.add(found.origin)
    return Path(found.origin)


def _shown(text: str, tree: ast.Module, name: str, module: str) -> str:
    owner, _, method = name.rpartition(".")
    parent = _find(tree, owner, module) if owner else tree
    lines = _lines(text, _find(parent, method, module))
    if isinstance(parent, ast.ClassDef):
        lines.insert(0, text.splitlines()[parent.lineno - 1])
    return textwrap.dedent("\n".join(lines))


def _find(scope: ast.Module | _Definition, name: str, module: str) -> _Definition:
    for node in scope.body:
        if isinstance(node, _Definition) and node.name == name:
            return node
    raise RenderError(f"{module} has no {name!r} to show; the chapter names code that is not there.")


def _lines(text: str, node: _Definition) -> list[str]:
    """A definition's lines, decorators included, without the docstrings in it."""
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    dropped = {number for inner in ast.walk(node) for number in _docstring(inner)}
    lines = text.splitlines()
    assert node.end_lineno is not None
    kept = [
        _IGNORED.sub("", lines[number - 1]) for number in range(first, node.end_lineno + 1) if number not in dropped
    ]
    below = node.lineno - first + 1
    if isinstance(node, ast.ClassDef) and kept[below : below + 1] and not kept[below].strip():
        del kept[below]
    return kept


def _docstring(node: ast.AST) -> range:
    # Where it is the whole body, it stays: without it there would be none.
    if isinstance(node, _Definition) and len(node.body) > 1 and ast.get_docstring(node) is not None:
        assert node.body[0].end_lineno is not None
        return range(node.body[0].lineno, node.body[0].end_lineno + 1)
    return range(0)


def _needed(text: str, tree: ast.Module, code: str) -> Iterator[str]:
    """The module's imports, and then its constants, that the code or these constants name."""
    used = _names(ast.parse(code))
    constants: list[ast.Assign | ast.AnnAssign] = []
    for node in reversed(tree.body):  # a constant stands below those that it names
        if isinstance(node, ast.Assign | ast.AnnAssign) and _targets(node) & used:
            constants.insert(0, node)
            used |= _names(node)
    yield from (line for line in (_import(node, used) for node in _imports(tree)) if line)
    for node in constants:
        yield "\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno])


def _imports(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from (each for each in node.body if isinstance(each, ast.Import | ast.ImportFrom))


def _import(node: ast.Import | ast.ImportFrom, used: set[str]) -> str:
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        return ""
    names = [each for each in node.names if (each.asname or each.name.partition(".")[0]) in used]
    if not names:
        return ""
    kept = ast.ImportFrom(node.module, names, node.level) if isinstance(node, ast.ImportFrom) else ast.Import(names)
    return ast.unparse(kept)


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _targets(node: ast.Assign | ast.AnnAssign) -> set[str]:
    return _names(node.target) if isinstance(node, ast.AnnAssign) else {n for t in node.targets for n in _names(t)}
