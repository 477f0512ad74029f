"""The lab: what each chapter computes, a folder a chapter, and how a page gets at it."""

from typing import TypeVar

from labcode.book.lacking import on_page
from labcode.results import run
from labcode.results.typed import Results

__all__ = ["load"]

R = TypeVar("R", bound=Results)


def load(kind: type[R]) -> R:
    """The result of the experiment that this kind names: the stored one, else computed now.

    On a page that is rendered from rows which lack what the experiment needs, what stands in its place says so;
    anywhere else, `RowsError` is raised.
    """
    return on_page(lambda: run.load_typed(kind))  # type: ignore[return-value]
