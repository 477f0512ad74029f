"""A chapter as a Jupyter notebook, on demand, and back again without a lost character.

General converters rewrite labels, quotes and options on the way back. Here each cell keeps its text, fences included,
so that a notebook that nobody touched gives the chapter's very bytes.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from labcode.errors import LabcodeError
from labcode.report.portable.reader import CELL, fence_after
from labcode.report.render import chapter_files
from labcode.settings import project_root

_PYTHON = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


def write_notebook(chapter: str) -> Path:
    """Write ``chapters/<name>.ipynb`` beside the chapter; git ignores it.

    Raises
    ------
    LabcodeError
        If there is no such chapter, or a notebook of it is there already.
    """
    path = project_root() / chapter_files([chapter])[0]
    notebook = path.with_suffix(".ipynb")
    if notebook.exists():
        raise LabcodeError(f"{notebook} is there already; take it back with --back, or remove it.")
    nbformat.write(to_notebook(path.read_bytes().decode("utf-8")), notebook)
    return notebook


def take_back(chapter: str) -> Path:
    """Write the chapter from its notebook, without outputs; the notebook stays.

    Raises
    ------
    LabcodeError
        If there is no notebook of it, or it cannot be read.
    """
    path = project_root() / chapter_files([chapter])[0]
    notebook = path.with_suffix(".ipynb")
    try:
        text = to_chapter(nbformat.read(notebook, as_version=4))
    except FileNotFoundError:
        raise LabcodeError(f"There is no {notebook}; `labcode notebook {path.stem}` writes it.") from None
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, OSError) as error:
        raise LabcodeError(f"{notebook} is no notebook ({error}); remove it, and write it anew.") from error
    path.write_bytes(text.encode("utf-8"))
    return path


def offered(path: Path) -> str | None:
    """The notebook that a page offers of its chapter, as text; ``None`` if no cell of it runs."""
    notebook = to_notebook(path.read_bytes().decode("utf-8-sig"))
    runs = any(cell.cell_type == "code" for cell in notebook.cells)
    return f"{nbformat.writes(notebook)}\n" if runs else None


def to_notebook(chapter: str) -> NotebookNode:
    """A chapter's text as a notebook: a code cell for each Python cell, a Markdown cell for what stands between."""
    cells: list[NotebookNode] = []
    text: list[str] = []
    opened = fence = ""
    for line in chapter.split("\n"):
        before, fence = fence, fence_after(fence, line)
        if opened and not fence:
            _add(cells, new_code_cell("\n".join(text), metadata={"labcode": {"opens": opened, "closes": line}}))
            opened, text = "", []
        elif not before and CELL.match(line):
            _add(cells, new_markdown_cell("\n".join(text)) if text else None)
            opened, text = line, []
        else:
            text.append(line)
    _add(cells, new_markdown_cell("\n".join([*([opened] if opened else []), *text])))
    return new_notebook(cells=cells, metadata=_PYTHON)


def _add(cells: list[NotebookNode], cell: NotebookNode | None) -> None:
    if cell is not None:
        cell["id"] = f"part-{len(cells) + 1}"
        cell.metadata.setdefault("labcode", {})
        cells.append(cell)


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
