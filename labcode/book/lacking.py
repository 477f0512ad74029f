"""A page whose rows lack what a result needs is rendered all the same: it says so where the result would stand.

A result that cannot be computed is a `Lacking`, and so is all that is made of it. What a cell would have drawn or
tabulated from it is the sentence that names what the rows lack.
"""

from __future__ import annotations

import ast
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from labcode.errors import RowsError

T = TypeVar("T")
#: Name of the values inside the text, which the portable engine computes together: for them, a dash is enough.
INLINE = "_inline"


class Lacking:
    """Stands for a result that the rows do not allow, and for whatever is taken from it or computed with it."""

    def __init__(self, why: RowsError) -> None:
        self.why = why

    def __getattr__(self, name: str) -> Lacking:
        if name.startswith("_"):
            raise AttributeError(name)  # what libraries look for, such as other ways to be shown
        return self

    def _itself(self, *_: Any, **__: Any) -> Lacking:
        return self

    def _none(self, *_: Any) -> bool:
        return False

    __call__ = __getitem__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _itself
    __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = __abs__ = __round__ = _itself
    __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __contains__ = _none

    def __iter__(self) -> Iterator[Lacking]:
        return iter((self,))

    def __len__(self) -> int:
        return 1

    def items(self) -> list[tuple[Lacking, Lacking]]:
        """One key and one value, as of a mapping."""
        return [(self, self)]

    def __float__(self) -> float:
        return float("nan")

    def __array__(self, *_: Any, **__: Any) -> Any:
        return np.array(np.nan)

    def __str__(self) -> str:
        return "–"

    def __format__(self, style: str) -> str:
        return "–"

    def _repr_markdown_(self) -> str:
        return "–"


def on_page(compute: Callable[[], T]) -> T | Lacking:
    """What `compute` returns; where a page that is rendered asks, a `Lacking` if the rows lack what it needs.

    Raises
    ------
    RowsError
        If the rows lack something, and no page is rendered or a module asks, not the page itself.
    """
    try:
        return compute()
    except RowsError as error:
        if sys._getframe(2).f_globals.get("__name__") != "__main__" or not _shell():
            raise
        return Lacking(error)


def in_condition(condition: str, names: Mapping[str, Any]) -> Lacking | None:
    """What of the results that a condition reads the rows do not allow, if anything."""
    found = (names.get(word) for word in re.findall(r"\w+", str(condition)))
    return next((value for value in found if isinstance(value, Lacking)), None)


def guard_cells() -> None:
    """On a page that is rendered: from the next cell on, one that fails for want of rows shows what they lack."""
    if shell := _shell():
        shell.ast_transformers.append(_Guard())


def _shell() -> Any:
    """The IPython that runs a page which is rendered, if any."""
    if "QUARTO_DOCUMENT_FILE" not in os.environ or "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    return get_ipython()


class _Guard(ast.NodeTransformer):
    """Puts a cell into ``with guarded(…)``; the value of its last line is shown as before."""

    def visit_Module(self, node: ast.Module) -> ast.Module:
        names = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
        if any(each.id == INLINE for each in names):
            return node
        bound = sorted({each.id for each in names if isinstance(each.ctx, ast.Store)})
        guard = ast.parse(f"""
from labcode.book.lacking import guarded as _guarded
_shown = None
with _guarded({sorted({each.id for each in names})}, {bound}, globals()):
    pass
_shown
""")
        body = node.body
        if body and isinstance(last := body[-1], ast.Expr):
            body = [*body[:-1], ast.copy_location(ast.Assign([ast.Name("_shown", ast.Store())], last.value), last)]
        if body:
            guard.body[2].body = body  # type: ignore[attr-defined]
            node.body = guard.body
        return ast.fix_missing_locations(node)


@contextmanager
def guarded(names: list[str], bound: list[str], page: dict[str, Any]) -> Iterator[None]:
    """If a cell fails that reads what the rows do not allow, say so in place of its figure, table or text."""
    try:
        yield
    except Exception as error:
        lacking = [value for name in names if isinstance(value := page.get(name), Lacking)]
        if not isinstance(error, RowsError) and not lacking:
            raise
        why = error if isinstance(error, RowsError) else lacking[0].why
        page |= {name: Lacking(why) for name in bound if name not in page}
        _show(f"Not for these rows: {why}", names)


def _show(sentence: str, names: list[str]) -> None:
    import pandas as pd  # here, since few pages need it
    from IPython.display import display

    from labcode.book.text import escaped, marked, table

    if "show" in names:
        _draw(sentence)
    elif "table" in names:
        display(table(pd.DataFrame({"": [sentence]})))  # type: ignore[no-untyped-call]
    else:
        display(marked(f"*{escaped(sentence)}*"))  # type: ignore[no-untyped-call]


def _draw(sentence: str) -> None:
    import matplotlib.pyplot as plt

    from labcode.book.plots import show

    plt.close("all")
    figure, ax = plt.subplots(figsize=(6, 1))
    ax.axis("off")
    ax.text(0.5, 0.5, textwrap.fill(sentence, 80), ha="center", va="center")
    show(figure)
