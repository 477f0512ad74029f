"""``labcode check``: every claim, value and label of the book, tried against the stored results; nothing is trained."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labcode.book import checks, lint, plots, trials
from labcode.book.statements import Verdict
from labcode.errors import LabcodeError, RenderError
from labcode.experiments import catalog
from labcode.lab.verdicts import KINDS
from labcode.report import bounds, claims, probe, prose
from labcode.report.portable.book import Book, read_book
from labcode.report.portable.reader import Cell, Line, read_chapter
from labcode.results.number import Number
from labcode.results.typed import Results, impossible, numbers
from labcode.settings import project_root

_NO_ARGUMENTS = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])


@dataclass(frozen=True)
class Tried:
    """A claim, where it stands, and how far its inputs are from turning it.

    ``turns`` names the input and its smallest tried change, as a share, that would turn the check.
    """

    where: Line
    claim: claims.Claim
    turns: tuple[str, float] | None
    can_fail: bool


@dataclass(frozen=True)
class TriedCheck:
    """A check on typed results, where it stands, and what its trial found."""

    where: Line
    check: checks.Check
    trial: trials.Trial


@dataclass
class Checked:
    """What was found.

    Attributes
    ----------
    claims, checks
        Every claim of the chapters that have them, and every check of those that have moved on to these.
    values
        For each inline value and table that reads results: where it stands, its code or label, and what it reads.
    inline
        Number of all inline values.
    faults
        What must be mended, each with its place.
    """

    claims: list[Tried] = field(default_factory=list)
    checks: list[TriedCheck] = field(default_factory=list)
    values: list[tuple[Line, str, list[str]]] = field(default_factory=list)
    inline: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def typed(self) -> int:
        """Numbers typed in prose."""
        return sum(" is typed; " in fault for fault in self.faults)


def check(root: Path | None = None, chapters: Sequence[str] = ()) -> Checked:
    """Try every claim of the book, or of some chapters, and look through its sources.

    Parameters
    ----------
    root
        The project's folder.
    chapters
        Names such as ``"eda"``; all by default.

    Raises
    ------
    LabcodeError
        If results are not stored yet.
    """
    book = read_book(root or project_root())
    missing = [name for name, result in catalog.survey().items() if result is None]
    if missing:
        raise LabcodeError(
            f"{len(missing)} results are not stored yet ({', '.join(missing)}); compute them with `labcode run`."
        )
    found = Checked(faults=[str(fault) for fault in prose.all_faults(book)])
    chosen = book.only(chapters) if chapters else book
    for chapter in chosen.chapters:
        _check_chapter(book, chapter.file, found)
    found.faults += _impossible(found)
    return found


def _check_chapter(book: Book, file: str, found: Checked) -> None:
    """Run a chapter's cells without drawing, then try each inline value and claim."""
    bound, from_results = set(), set()
    names: dict[str, Any] = {"__name__": "__main__"}
    with _without_drawing(book.root):
        for cell in (part for part in read_chapter(book.root, file) if isinstance(part, Cell)):
            before, line, checked = len(claims.made), cell.lines[0], len(checks.made)
            try:
                value = _evaluate(cell, names)
                made_checks, judged = _checks_of(value if len(claims.made) == before else None, checked)
                new = len(claims.made) > before or made_checks or _shows_result(line.text, names)
                read = probe.reads(value) if value and not new else {}
            except Exception as fault:
                found.faults.append(f"{_place(cell, fault)}: {type(fault).__name__}: {fault}")
                if cell.inline:
                    continue
                return  # what follows would only miss what this cell defines
            made = claims.made[before:]
            found.checks += [_tried_check(line, each, found, judged) for each in made_checks]
            if cell.inline and read and (word := _judges(value)):
                found.faults.append(f"{line}: unbound: {word!r} in what `{line.text}` says, without a check")
            found.claims += [_tried(line, claim, found) for claim in made]
            if read:
                found.values.append((line, line.text if cell.inline else _label(cell), list(read)))
            if cell.inline:
                found.inline += 1
                told = value is not None and isinstance(value(), claims.Told)
                shown = read or _shows_result(line.text, names)
                (bound if made or told else from_results if shown else set()).add(line.text)
    found.faults += _impossible_figures(file, names)
    text = (book.root / file).read_text("utf-8")
    if "from labcode.book.checks" in text:
        faults = [*lint.faults(text), *lint.unchecked(text, prose.JUDGING, (each.strip() for each in from_results))]
        found.faults += [f"{file}:{number}: {fault}" for number, fault in sorted(faults)]
    else:
        found.faults += [str(fault) for fault in prose.unbound(book.root, file, from_results, bound)]


def _checks_of(value: Callable[[], Any] | None, before: int) -> tuple[list[checks.Check], bool]:
    """The checks that a cell made, or those of the verdict that it shows; and whether they are of a verdict."""
    made = checks.made[before:]
    shown = value() if value and not made else None
    del checks.made[before:]
    return (list(shown.checks), True) if isinstance(shown, Verdict) else (made, False)


def _shows_result(code: str, names: dict[str, Any]) -> bool:
    """Whether inline code names a typed result."""
    try:
        used = {node.id for node in ast.walk(ast.parse(code.strip())) if isinstance(node, ast.Name)}
    except SyntaxError:
        return False
    return any(isinstance(names.get(name), Results | Number) for name in used)


def _tried_check(line: Line, check: checks.Check, found: Checked, judged: bool) -> TriedCheck:
    """Try a check; of those of a verdict, one may be false, since it judges and does not promise."""
    trial = trials.tried(check)
    if not check.holds and check.published and not judged:
        found.faults.append(f"{line}: not true of the published rows: {check.condition!r}: {check.words}")
    if not trial.can_fail:
        found.faults.append(f"{line}: this check cannot fail, whatever the results are: {check.condition!r}")
    found.faults += [
        f"{line}: the clause {clause!r} of {check.condition!r} cannot matter" for clause in trial.idle if trial.can_fail
    ]
    return TriedCheck(line, check, trial)


def _impossible_figures(file: str, names: dict[str, Any]) -> Iterator[str]:
    """Figures of typed results that cannot be."""
    for name, value in names.items():
        for path, number in numbers(value, name) if isinstance(value, Results) else ():
            if reason := impossible(number):
                yield f"{file}: {path} cannot be: {reason}"


def _evaluate(cell: Cell, names: dict[str, Any]) -> Callable[[], Any] | None:
    """Run a cell in the chapter's variables; what it shows comes back as a function that computes it again."""
    where = cell.lines[0].file
    code = "\n".join("" if line.text.startswith("#|") else line.text for line in cell.lines)
    body = ast.increment_lineno(ast.parse(code.strip() if cell.inline else code, where), cell.lines[0].number - 1).body
    shown = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), where, "exec"), names)
    if not isinstance(shown, ast.Expr):
        return None
    function = ast.copy_location(ast.Lambda(_NO_ARGUMENTS, shown.value), shown.value)
    value = eval(compile(ast.fix_missing_locations(ast.Expression(function)), where, "eval"), names)
    value()
    return value  # type: ignore[no-any-return]


def _judges(value: Callable[[], Any] | None) -> str | None:
    """The judging word of a sentence that code wrote from results."""
    text = value() if value else ""
    if isinstance(text, claims.Told):
        return None
    word = prose.JUDGING.search(str(text)) if len(str(text).split()) > 5 else None
    return word[0] if word else None


def _place(cell: Cell, fault: BaseException) -> str:
    """Line of the chapter that a fault comes from."""
    file, number = cell.lines[0].file, cell.lines[0].number
    trace = fault.__traceback__
    while trace and not cell.inline:
        if trace.tb_frame.f_code.co_filename == file:
            number = trace.tb_lineno
        trace = trace.tb_next
    return f"{file}:{number}"


def _tried(line: Line, claim: claims.Claim, found: Checked) -> Tried:
    words = " ".join(claim.sentence.split())[:140]
    can_fail = bool(claim.reads) and (not claim.holds or probe.notices(claim.check))
    if not claim.reads:
        found.faults.append(f"{line}: unbound: the check of this claim reads no result: {words!r}")
    elif not can_fail:
        found.faults.append(f"{line}: this claim cannot fail, whatever the results are: {words!r}")
    return Tried(line, claim, probe.margin(claim.check) if can_fail else None, can_fail)


def _label(cell: Cell) -> str:
    """The label of a table's cell, else its first line."""
    label = next((line.text for line in cell.lines if line.text.startswith("#| label: ")), cell.lines[0].text)
    return label.removeprefix("#| label: ")


@contextmanager
def _without_drawing(root: Path) -> Iterator[None]:
    """Figures are not drawn, and paths are those that a chapter sees."""
    show, folder = plots.show, Path.cwd()
    plots.show = lambda draw: None
    os.chdir(root)
    try:
        yield
    finally:
        plots.show = show
        os.chdir(folder)


def _impossible(found: Checked) -> Iterator[str]:
    """Figures that cannot be, with the sentences that show them."""
    typed = {kind.experiment for kind in KINDS.values()}
    for name, result in catalog.survey().items():
        # A typed result says itself what its figures can be.
        for fault in bounds.faults(result) if result is not None and name not in typed else ():
            label = f"{name}: {fault.name}"
            value = f"{label} = {result.scalars[fault.name]!r} cannot be: {fault.reason}"
            places = [f"{line}: `{code}`" for line, code, read in found.values if label in read]
            places += [
                f"{each.where}: {each.claim.sentence[:100]!r}" for each in found.claims if label in each.claim.reads
            ]
            yield f"{value}; {'shown by ' + '; '.join(places) if places else 'no sentence shows it'}"


def lines(found: Checked) -> Iterator[str]:
    """The claims one by one: verdict, place, sentence, what it was checked against, and how far it is from turning."""
    for each in found.claims:
        verdict = "holds" if each.claim.holds else "other" if each.claim.otherwise is not None else "FALSE"
        turns = (
            f"turns if {each.turns[0]} changes by {each.turns[1]:+.1%}"
            if each.turns
            else "no single tenfold change turns it"
        )
        words = re.sub(r"\s+", " ", each.claim.shown or "(says nothing)")
        yield f"{verdict:6}{each.where}  {words}\n      {each.claim.evidence}; {turns}"
    for tried in found.checks:
        holds = "holds" if tried.check.holds else "false"
        yield f"{holds:6}{tried.where}  {tried.check.condition}\n      {tried.check.words}"


def refuse_faults(root: Path) -> None:
    """Check the whole book, for a caller that only wants one without faults.

    Raises
    ------
    LabcodeError
        If there is a fault, naming the first, or if results are not stored yet.
    """
    found = check(root)
    if found.faults:
        more = f" (and {len(found.faults) - 1} more: `labcode check` lists them)" if len(found.faults) > 1 else ""
        raise RenderError(f"{found.faults[0]}{more}")
