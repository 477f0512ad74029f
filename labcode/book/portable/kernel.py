"""Run a chapter in a kernel of this very Python and write down what it shows, as Markdown."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from labcode import files
from labcode.book import frozen
from labcode.book.lacking import INLINE
from labcode.book.portable.book import Book, Chapter
from labcode.book.portable.outputs import ANSI, cell_markdown, lasting
from labcode.book.portable.reader import Cell, read_chapter
from labcode.book.text import escaped
from labcode.errors import RenderError

_ARGUMENTS = [
    "--InlineBackend.figure_formats=retina",
    "--InlineBackend.rc=svg.hashsalt=book",
    "--HistoryManager.enabled=False",
    "--Application.log_level=ERROR",
]
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": "0"}
#: Figures are shown, whatever the user's own setting is.
_SHOWN = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
# A map, no comprehension: a value may name an intermediate result with `:=`.
_VALUES = """({name} := list(map(lambda v: v._repr_markdown_() if hasattr(v, "_repr_markdown_") else [str(v)], (
{values}
))))"""


class _ThisPython(AsyncKernelManager):
    """A kernel of the running interpreter, whatever kernels are installed for the user."""

    @property
    def kernel_spec(self) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python", language="python")


@dataclass(frozen=True)
class Memory:
    """What the cells of the project's pages showed at the last render, so that they run only if something has changed.

    With the name of a page that is wanted `first`, the others show what they did, also where something has.
    """

    root: Path
    record: frozen.Record
    first: str = ""

    def recall(self, chapter: Chapter, cells: list[Cell]) -> bool:
        """Give the cells what they showed; false if that is not known, or no longer so, and then it is forgotten."""
        file = frozen.portable_file(self.root, chapter.file)
        with suppress(OSError, ValueError, TypeError):
            codes, shown = json.loads(file.read_text("utf-8"))
            old = self.first not in ("", chapter.name)
            if codes == _digest(cells) and (old or frozen.current(self.root, chapter.file, self.record)):
                for cell, outputs in zip(cells, shown, strict=True):
                    cell.outputs = outputs
                return True
        file.unlink(missing_ok=True)
        return False

    def keep(self, chapter: Chapter, cells: list[Cell]) -> None:
        """Remember what the cells showed."""
        kept = (_digest(cells), [cell.outputs for cell in cells])
        files.keep(frozen.portable_file(self.root, chapter.file), json.dumps(kept))


def _digest(cells: list[Cell]) -> str:
    parts = [str(_ARGUMENTS), _VALUES, *(f"{cell.inline} {cell.code}" for cell in cells)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


async def execute(book: Book, chapter: Chapter, work: Path, memory: Memory | None = None) -> str:
    """Markdown of a chapter after execution; its pictures are written into ``work/media``.

    Raises
    ------
    RenderError
        If a cell fails: ``file:line: cell failed: error``.
    """
    parts = read_chapter(book.root, chapter.file)
    cells = [part for part in parts if isinstance(part, Cell)]
    for cell in cells:
        cell.options = book.cell | chapter.cell | cell.options | ({} if book.runs else {"eval": False})
    ran = [cell for cell in cells if cell.options["eval"]]
    if ran and not (memory and memory.recall(chapter, ran)):
        folder = book.root if book.in_project else (book.root / chapter.file).parent
        await _run_all(_client(folder), ran, _environment(book.root, chapter.file))
        if memory:
            memory.keep(chapter, ran)
    shown = {id(cell): _shown(cell, f"media/{chapter.name}-{n}", work) for n, cell in enumerate(cells, start=1)}
    return "".join(part if isinstance(part, str) else shown[id(part)] for part in parts)


def _client(root: Path) -> NotebookClient:
    return NotebookClient(
        new_notebook(),  # type: ignore[no-untyped-call]
        timeout=None,
        startup_timeout=300,  # seconds; a busy machine takes its time
        kernel_name="python3",
        kernel_manager_class=_ThisPython,
        extra_arguments=_ARGUMENTS,
        resources={"metadata": {"path": str(root)}},
    )


def _environment(root: Path, file: str) -> dict[str, str]:
    """What the cells of a chapter find in their environment, Quarto's names of the chapter among it."""
    page = {"QUARTO_PROJECT_ROOT": str(root), "QUARTO_DOCUMENT_PATH": ".", "QUARTO_DOCUMENT_FILE": file}
    return _ENVIRONMENT | os.environ | _SHOWN | page


async def _run_all(client: NotebookClient, cells: list[Cell], environment: dict[str, str]) -> None:
    async with client.async_setup_kernel(env=environment):
        for _, group in groupby(cells, key=lambda cell: cell.inline or id(cell)):
            await _run(client, list(group))


async def _run(client: NotebookClient, cells: list[Cell]) -> None:
    """Run one cell, or the inline values that stand between two cells together, and keep what comes out."""
    first, lines = cells[0], [line for cell in cells for line in cell.lines]
    code = "\n".join(f"({line.text})," if first.inline else line.text for line in lines)
    node = new_code_cell(_VALUES.format(name=INLINE, values=code) if first.inline else code)  # type: ignore[no-untyped-call]
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
    if isinstance(value, str):
        return lasting(value)
    return escaped(lasting(value[0]))
