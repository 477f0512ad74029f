"""Chapters as Jupyter notebooks: on a page, to take away; beside the chapter, and back without a lost character.

General converters rewrite labels, quotes and options on the way back. Here each cell keeps its text, fences included,
so that a notebook that nobody touched gives the chapter's very bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labcode.book.edition import chapter_files
from labcode.book.fences import CELL, fence_after
from labcode.errors import LabcodeError
from labcode.settings import project_root

if TYPE_CHECKING:
    from nbformat import NotebookNode

#: What a page calls the link to its chapter's notebook.
NOTEBOOK = "Notebook"


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
    kind: dict[str, Any] = (
        {"cell_type": "code", "execution_count": None, "outputs": []} if marks else {"cell_type": "markdown"}
    )
    cells.append(kind | {"id": f"part-{len(cells) + 1}", "metadata": {"labcode": marks}, "source": "\n".join(text)})


def write_notebook(chapter: str) -> Path:
    """Write ``chapters/<name>.ipynb`` beside the chapter; git ignores it.

    Raises
    ------
    LabcodeError
        If there is no such chapter, or a notebook of it is there already.
    """
    import nbformat

    path = project_root() / chapter_files([chapter])[0]
    target = path.with_suffix(".ipynb")
    if target.exists():
        raise LabcodeError(f"{target} is there already; take it back with --back, or remove it.")
    nbformat.write(nbformat.from_dict(notebook(path.read_bytes().decode("utf-8"))), target)  # type: ignore[no-untyped-call]
    return target


def take_back(chapter: str) -> Path:
    """Write the chapter from its notebook, without outputs; the notebook stays.

    Raises
    ------
    LabcodeError
        If there is no notebook of it, or it cannot be read.
    """
    import nbformat

    path = project_root() / chapter_files([chapter])[0]
    source = path.with_suffix(".ipynb")
    try:
        text = to_chapter(nbformat.read(source, as_version=4))  # type: ignore[no-untyped-call]
    except FileNotFoundError:
        raise LabcodeError(f"There is no {source}; `labcode notebook {path.stem}` writes it.") from None
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, OSError) as error:
        raise LabcodeError(f"{source} is no notebook ({error}); remove it, and write it anew.") from error
    path.write_bytes(text.encode("utf-8"))
    return path


def to_chapter(notebook: NotebookNode) -> str:
    """A notebook's text as a chapter; cells that were added in the notebook are set off by blank lines."""
    parts = []
    for cell in notebook.cells:
        kept = cell.metadata.get("labcode")
        text = cell.source
        if cell.cell_type == "code":
            marks = kept or {"opens": "```{python}", "closes": "```"}
            text = "\n".join([marks["opens"], *([text] if text else []), marks["closes"]])
        parts.append(text if kept is not None else f"\n{text}\n")
    return "\n".join(parts)
