"""Run a chapter in a kernel of this very Python and write down what it shows, as Markdown."""

from __future__ import annotations

import ast
import os
import re
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from labcode.errors import RenderError
from labcode.report.portable.book import Book, Chapter
from labcode.report.portable.outputs import ANSI, cell_markdown
from labcode.report.portable.reader import Cell, read_chapter

_SPECIAL = re.compile(r"([\\`*_\[\]<>$|~^@#])")
_ARGUMENTS = [
    "--InlineBackend.figure_formats=retina",
    "--InlineBackend.rc=svg.hashsalt=book",
    "--HistoryManager.enabled=False",
    "--Application.log_level=ERROR",
]
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": "0"}
# A map, no comprehension: a value may name an intermediate result with `:=`.
_VALUES = "list(map(lambda v: v._repr_markdown_() if hasattr(v, '_repr_markdown_') else [str(v)], (\n{}\n)))"


class _ThisPython(AsyncKernelManager):
    """A kernel of the running interpreter, whatever kernels are installed for the user."""

    @property
    def kernel_spec(self) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python", language="python")


class Memory:
    """What the cells of chapters showed, for a preview that runs them only when something has changed.

    Attributes
    ----------
    state : str
        Digest of all that can change what a cell shows, beside its own code.
    """

    def __init__(self) -> None:
        self.state = ""
        self._shown: dict[tuple[str, ...], tuple[str, list[list[Any]]]] = {}

    def recall(self, cells: list[Cell], *, old: bool) -> bool:
        """Give the cells what they showed; false if that is not known, or only from another state."""
        state, shown = self._shown.get(_codes(cells), ("", []))
        if not shown or (state != self.state and not old):
            return False
        for cell, outputs in zip(cells, shown, strict=True):
            cell.outputs = outputs
        return True

    def keep(self, cells: list[Cell]) -> None:
        """Remember what the cells showed."""
        self._shown[_codes(cells)] = (self.state, [cell.outputs for cell in cells])


def _codes(cells: list[Cell]) -> tuple[str, ...]:
    return tuple(cell.code for cell in cells)


async def execute(book: Book, chapter: Chapter, work: Path, memory: Memory | None = None, *, old: bool = False) -> str:
    """Markdown of a chapter after execution; its pictures are written into ``work/media``.

    Where `memory` holds what the cells showed, they do not run; with `old`, not even if code or data have changed.

    Raises
    ------
    RenderError
        If a cell fails: ``file:line: cell failed: error``.
    """
    parts = read_chapter(book.root, chapter.file)
    cells = [part for part in parts if isinstance(part, Cell)]
    for cell in cells:
        cell.options = book.cell | cell.options
    ran = [cell for cell in cells if cell.options["eval"]]
    if ran and not (memory and memory.recall(ran, old=old)):
        await _run_all(_client(book.root), ran)
        if memory:
            memory.keep(ran)
    shown = {id(cell): _shown(cell, f"media/{chapter.name}-{n}", work) for n, cell in enumerate(cells, start=1)}
    return "".join(part if isinstance(part, str) else shown[id(part)] for part in parts)


def _client(root: Path) -> NotebookClient:
    return NotebookClient(
        new_notebook(),
        timeout=None,
        kernel_name="python3",
        kernel_manager_class=_ThisPython,
        extra_arguments=_ARGUMENTS,
        resources={"metadata": {"path": str(root)}},
    )


async def _run_all(client: NotebookClient, cells: list[Cell]) -> None:
    async with client.async_setup_kernel(env=_ENVIRONMENT | os.environ):
        for _, group in groupby(cells, key=lambda cell: cell.inline or id(cell)):
            await _run(client, list(group))


async def _run(client: NotebookClient, cells: list[Cell]) -> None:
    """Run one cell, or the inline values that stand between two cells together, and keep what comes out."""
    first, lines = cells[0], [line for cell in cells for line in cell.lines]
    code = "\n".join(f"({line.text})," if first.inline else line.text for line in lines)
    node = new_code_cell(_VALUES.format(code) if first.inline else code)
    node.metadata["tags"] = ["raises-exception"] if first.options["error"] and not first.inline else []
    client.nb.cells.append(node)
    try:
        await client.async_execute_cell(node, len(client.nb.cells) - 1)
    except CellExecutionError as fault:
        at = lines[min(max(_failing_line(node, fault) - first.inline, 1), len(lines)) - 1]
        raise RenderError(f"{at}: cell failed: {fault.ename}: {ANSI.sub('', fault.evalue)}") from fault
    except DeadKernelError as fault:
        raise RenderError(f"{lines[0]}: cell failed: its Python process died (out of memory?)") from fault
    if first.inline:
        for cell, value in zip(cells, ast.literal_eval(node.outputs[-1]["data"]["text/plain"]), strict=True):
            cell.outputs = [value]
    else:
        first.outputs = node.outputs


def _failing_line(node: NotebookNode, fault: CellExecutionError) -> int:
    """Line of the cell, from 1, that the traceback names."""
    found = re.findall(rf"Cell In\[{node.execution_count}\], line (\d+)", ANSI.sub("", fault.traceback))
    return int(found[0]) if found else 1


def _shown(cell: Cell, stem: str, work: Path) -> str:
    if not cell.inline:
        return cell_markdown(cell, stem, work)
    value = cell.outputs[0] if cell.outputs else "?"
    return value if isinstance(value, str) else _SPECIAL.sub(r"\\\1", value[0])
