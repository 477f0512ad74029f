"""Code shown on a page, taken from the source that ran, so that the two cannot differ."""

from __future__ import annotations

import ast
import importlib.util
import textwrap
from pathlib import Path

from IPython.display import Markdown

from labcode.errors import RenderError
from labcode.settings import project_root


def listing(module: str, *names: str) -> Markdown:
    """Functions or methods of a module as a code block, without their docstrings.

    Parameters
    ----------
    module
        Such as ``"labcode.models"``; it is read, not imported.
    names
        Such as ``"position"`` or ``"MLP.forward"``.

    Raises
    ------
    RenderError
        If the module or a name in it does not exist.
    """
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise RenderError(f"There is no module {module!r} to show code from.")
    path = Path(found.origin)
    text = path.read_text("utf-8")
    code = "\n\n".join(_source(text, name, module) for name in names)
    title = path.relative_to(project_root()).as_posix() if path.is_relative_to(project_root()) else module
    return Markdown(f'```{{.python filename="{title}"}}\n{code}\n```')


def _source(text: str, name: str, module: str) -> str:
    scope: list[ast.stmt] = ast.parse(text).body
    node: ast.stmt | None = None
    for part in name.split("."):
        node = next((each for each in scope if getattr(each, "name", None) == part), None)
        if node is None:
            raise RenderError(f"{module} has no {name!r} to show; the chapter names code that is not there.")
        scope = getattr(node, "body", [])
    assert node is not None
    lines = text.splitlines()[node.lineno - 1 : node.end_lineno]
    first = scope[0] if scope else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        assert first.end_lineno is not None
        del lines[first.lineno - node.lineno : first.end_lineno - node.lineno + 1]
    return textwrap.dedent("\n".join(lines))
