"""``labcode check``: every check, value and label of the book, tried against the stored results; nothing is trained."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from labcode.book import checks, edition, lint, plots, trials
from labcode.book.portable.reader import Cell, read_chapter
from labcode.book.statements import Verdict
from labcode.errors import LabcodeError, RenderError
from labcode.results import run
from labcode.results.number import Number
from labcode.results.typed import Results, impossible, numbers
from labcode.settings import project_root


@dataclass
class Checked:
    """What was found."""

    #: Every check of the chapters, those of verdicts among them: whether it holds, its ``file:line``, and its words.
    checks: list[str] = field(default_factory=list)
    #: Number of all inline values.
    inline: int = 0
    #: What must be mended, each with its place.
    faults: list[str] = field(default_factory=list)


def check_book(root: Path | None = None, chapters: Sequence[str] = ()) -> Checked:
    """Try every check of the book, or of chapters named as ``"eda"``, and look through all its sources.

    Raises
    ------
    LabcodeError
        If results are not stored yet.
    """
    root = root or project_root()
    missing = [name for name, result in run.survey().items() if result is None]
    if missing:
        raise LabcodeError(
            f"Results are missing, or are stale, since rows, code, settings or libraries have changed "
            f"({', '.join(missing)}); compute them with `labcode run`."
        )
    found = Checked(faults=list(lint.all_faults(root)))
    for file in edition.chapter_files(chapters, root) or edition.sources(root):
        _check_chapter(root, file, found)
    return found


def _check_chapter(root: Path, file: str, found: Checked) -> None:
    """Run a chapter's cells without drawing, and try each check and each verdict."""
    shows_result: set[str] = set()
    names: dict[str, Any] = {"__name__": "__main__"}
    with _without_drawing(root):
        for cell in (part for part in read_chapter(root, file) if isinstance(part, Cell)):
            line, before = cell.lines[0] if cell.lines else None, len(checks.made)
            try:
                shown = _run(cell, names)
            except Exception as fault:
                found.faults.append(f"{_place(cell, fault)}: {type(fault).__name__}: {fault}")
                if cell.inline:
                    continue
                return  # what follows would only miss what this cell defines
            made = checks.made[before:]
            del checks.made[before:]
            judged = isinstance(shown, Verdict)
            for check in shown.checks if judged else made:
                _try(str(line), check, found, judged)
            found.inline += cell.inline
            if cell.inline and line and not made and _shows_result(line.text, names):
                shows_result.add(line.text.strip())
    found.faults += _impossible_figures(file, names)
    text = (root / file).read_text("utf-8")
    faults = [*lint.of_layout(text), *lint.unchecked(text, shows_result)]
    found.faults += [f"{file}:{number}: {fault}" for number, fault in sorted(faults)]


def _shows_result(code: str, names: dict[str, Any]) -> bool:
    """Whether inline code names a typed result."""
    try:
        used = {node.id for node in ast.walk(ast.parse(code.strip())) if isinstance(node, ast.Name)}
    except SyntaxError:
        return False
    return any(isinstance(names.get(name), Results | Number) for name in used)


def _try(where: str, check: checks.Check, found: Checked, judged: bool) -> None:
    """Note a check and its faults; of those of a verdict, one may be false, since it judges and does not promise."""
    holds, trial = "holds" if check.holds else "false", trials.tried(check)
    found.checks.append(f"{holds:6}{where}  {check.condition}\n      {check.words}")
    if not check.holds and check.published and not judged:
        found.faults.append(f"{where}: not true of the published rows: {check.condition!r}: {check.words}")
    if not trial.can_fail:
        found.faults.append(f"{where}: this check cannot fail, whatever the results are: {check.condition!r}")
        return
    found.faults += [f"{where}: the clause {clause!r} of {check.condition!r} cannot matter" for clause in trial.idle]


def _impossible_figures(file: str, names: dict[str, Any]) -> Iterator[str]:
    """Figures of typed results that cannot be."""
    for name, value in names.items():
        for path, number in numbers(value, name) if isinstance(value, Results) else ():
            if reason := impossible(number):
                yield f"{file}: {path} cannot be: {reason}"


def _run(cell: Cell, names: dict[str, Any]) -> Any:
    """Run a cell in the chapter's variables; what it shows comes back."""
    if not cell.lines:
        return None
    where = cell.lines[0].file
    code = "\n".join("" if line.text.startswith("#|") else line.text for line in cell.lines)
    body = ast.increment_lineno(ast.parse(code.strip() if cell.inline else code, where), cell.lines[0].number - 1).body
    shown = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), where, "exec"), names)
    if not isinstance(shown, ast.Expr):
        return None
    return eval(compile(ast.fix_missing_locations(ast.Expression(shown.value)), where, "eval"), names)


def _place(cell: Cell, fault: BaseException) -> str:
    """Line of the chapter that a fault comes from."""
    file, number = cell.lines[0].file, cell.lines[0].number
    trace = fault.__traceback__
    while trace and not cell.inline:
        if trace.tb_frame.f_code.co_filename == file:
            number = trace.tb_lineno
        trace = trace.tb_next
    return f"{file}:{number}"


@contextmanager
def _without_drawing(root: Path) -> Iterator[None]:
    """Figures are not drawn, and paths are those that a chapter sees."""
    show, folder = plots.show, Path.cwd()
    plots.show = lambda figure: plt.close("all")
    os.chdir(root)
    try:
        yield
    finally:
        plots.show = show
        os.chdir(folder)


def refuse_faults(root: Path) -> None:
    """Check the whole book, for a caller that only wants one without faults.

    Raises
    ------
    LabcodeError
        If there is a fault, naming the first, or if results are not stored yet.
    """
    found = check_book(root)
    if found.faults:
        more = f" (and {len(found.faults) - 1} more: `labcode check` lists them)" if len(found.faults) > 1 else ""
        raise RenderError(f"{found.faults[0]}{more}")
