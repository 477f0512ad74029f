"""What a reader of the report can take away beside its pages: the scalars of every stored result, and notebooks."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from labcode.book.fences import CELL, fence_after

RESULTS = "results.json"
#: What a page calls the link to its chapter's notebook.
NOTEBOOK = "Notebook"


def results_text() -> str:
    """The scalars that are stored, as ``{"experiment/name": {"metric": value}}`` in JSON; NaN and infinity are null."""
    from labcode.results import run as catalog

    found = {name: result.scalars for name, result in catalog.survey().items() if result is not None}
    return json.dumps({name: finite(values) for name, values in found.items()}, indent=2, allow_nan=False) + "\n"


def finite(values: dict[str, float | int | str]) -> dict[str, float | int | str | None]:
    """The same scalars with ``None`` where one is NaN or infinite, which JSON cannot hold.

    >>> finite({"mse": float("nan"), "rows": 3})
    {'mse': None, 'rows': 3}
    """
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()
    }


def notebook_text(chapter: Path) -> str | None:
    """The notebook that a page offers of its chapter; ``None`` if no cell of it runs."""
    content = notebook(chapter.read_text(encoding="utf-8-sig"))
    runs = any(cell["cell_type"] == "code" for cell in content["cells"])
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n" if runs else None


def notebook(chapter: str) -> dict[str, Any]:
    """A chapter's text as the content of a notebook: a code cell for each Python cell, Markdown for what lies between.

    Plain dictionaries: nbformat takes longer to load than all that a script after a render does.
    """
    cells: list[dict[str, Any]] = []
    text: list[str] = []
    opened = fence = ""
    for line in chapter.split("\n"):
        before, fence = fence, fence_after(fence, line)
        if opened and not fence:
            _add(cells, text, {"opens": opened, "closes": line})
            opened, text = "", []
        elif not before and CELL.match(line):
            if text:
                _add(cells, text, {})
            opened, text = line, []
        else:
            text.append(line)
    _add(cells, [*([opened] if opened else []), *text], {})
    python = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": python}, "nbformat": 4, "nbformat_minor": 5}


def _add(cells: list[dict[str, Any]], text: list[str], marks: dict[str, str]) -> None:
    """A code cell if there are marks, its fences; they bring it back byte for byte."""
    kind = {"cell_type": "code", "execution_count": None, "outputs": []} if marks else {"cell_type": "markdown"}
    cells.append(kind | {"id": f"part-{len(cells) + 1}", "metadata": {"labcode": marks}, "source": "\n".join(text)})
