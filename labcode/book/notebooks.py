"""A chapter as a Jupyter notebook, on demand, and back again without a lost character.

General converters rewrite labels, quotes and options on the way back. Here each cell keeps its text, fences included,
so that a notebook that nobody touched gives the chapter's very bytes.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat import NotebookNode

from labcode.book.downloads import notebook
from labcode.book.render import chapter_files
from labcode.errors import LabcodeError
from labcode.settings import project_root


def write_notebook(chapter: str) -> Path:
    """Write ``chapters/<name>.ipynb`` beside the chapter; git ignores it.

    Raises
    ------
    LabcodeError
        If there is no such chapter, or a notebook of it is there already.
    """
    path = project_root() / chapter_files([chapter])[0]
    target = path.with_suffix(".ipynb")
    if target.exists():
        raise LabcodeError(f"{target} is there already; take it back with --back, or remove it.")
    nbformat.write(to_notebook(path.read_bytes().decode("utf-8")), target)
    return target


def take_back(chapter: str) -> Path:
    """Write the chapter from its notebook, without outputs; the notebook stays.

    Raises
    ------
    LabcodeError
        If there is no notebook of it, or it cannot be read.
    """
    path = project_root() / chapter_files([chapter])[0]
    source = path.with_suffix(".ipynb")
    try:
        text = to_chapter(nbformat.read(source, as_version=4))
    except FileNotFoundError:
        raise LabcodeError(f"There is no {source}; `labcode notebook {path.stem}` writes it.") from None
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, OSError) as error:
        raise LabcodeError(f"{source} is no notebook ({error}); remove it, and write it anew.") from error
    path.write_bytes(text.encode("utf-8"))
    return path


def to_notebook(chapter: str) -> NotebookNode:
    """A chapter's text as a notebook: a code cell for each Python cell, a Markdown cell for what stands between."""
    return nbformat.from_dict(notebook(chapter))


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
