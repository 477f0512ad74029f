"""What a chapter's source must keep, whatever its results are: labels, captions, references, no typed number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from labcode.book.portable.book import Book
from labcode.book.portable.reader import Line, read_lines

#: What may stand in prose as a number: proper names, versions, and the level that every interval of the book has.
ALLOWED_NUMBERS = re.compile(
    r"AI4I 2020|Quarto\S* 1\.9|\b1\.9 or newer|95% (prediction )?intervals?|"
    r"the middle 95% of seeds|\bF1\b|\bR²|\bL[12]\b|\bT\d\b"
)
#: Spellings of terms that have one in this book.
SPELLINGS = {
    r"\b[Mm]acro[ -]?averaged F1\b|\b[Mm]acro F1\b|\bF1[- ]macro\b|\b[fF]1-score\b": "macro-F1 or F1",
    r"\bRoot Mean Squared?\b|\brmse\b|\bRmse\b": "RMSE",
    r"\bmse\b|\bMean Squared Error\b": "MSE",
    r"\bR2\b|\bR-squared\b|\br2\b": "R²",
    r"\bROC AUC\b|\broc-auc\b|\bAUROC\b": "ROC-AUC",
    r"\bPR AUC\b|\bAUPRC\b|\bpr-auc\b": "PR-AUC",
    r"\blogloss\b|\blog-loss\b|\bLogLoss\b": "log loss",
    r"\bSmote\b|\bsmote\b": "SMOTE",
    r"\bregularisation\b|\bRegularisation\b": "regularization",
    r"\bhyper-parameters?\b": "hyperparameter",
    r"\bdata ?set's\b|\bdataset\b|\bdatasets\b": "data set",
    r"\bPytorch\b|\bpytorch\b": "PyTorch",
}
_TYPED = re.compile(r"(?<![\w.\-@#])\d[\d,.]*")
_INLINE = re.compile(r"`[^`]*`")
_REFERENCE = re.compile(r"(?<![\w.])@((?:fig|tbl|sec|eq)-[\w-]*\w)")
_CITATION = re.compile(r"(?<![\w.])@((?!fig-|tbl-|sec-|eq-)[A-Za-z][\w:-]*\w)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Fault:
    """Something that a source must not have: where it stands, and what to change."""

    where: Line
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


def prose_lines(root: Path, file: str) -> Iterator[Line]:
    """Lines of a chapter outside code cells and code blocks."""
    fence = ""
    for line in read_lines(root, file):
        mark = re.match(r"^\s*(`{3,})", line.text)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence):
            fence = ""
        elif not fence:
            yield line


def plain(line: str) -> str:
    """A line's words alone: no inline code, formulas, attributes, targets of links or references."""
    line = _INLINE.sub(" ", line)
    line = re.sub(r"\$[^$]*\$", " ", line)
    return re.sub(r"\{[^}]*\}|\]\([^)]*\)|@[\w:-]+|^:::.*$|^\s*\d+\. |^\|[ :|-]+\|$", " ", line)


def typed_numbers(lines: Iterable[Line]) -> Iterator[Fault]:
    """Numbers in sentences that nobody computed."""
    for line in lines:
        for found in _TYPED.findall(ALLOWED_NUMBERS.sub(" ", plain(line.text))):
            yield Fault(
                line, f"the number {found.rstrip('.,')} is typed; compute it, or quote its source with stated(…)"
            )


def touching(lines: Iterable[Line]) -> Iterator[Fault]:
    """Inline values that follow a backtick at once: Quarto does not compute them."""
    for line in lines:
        if "``{python}" in line.text:
            yield Fault(line, "an inline value touches the one before it; put a space between them, or make them one")


def misspelt(lines: Iterable[Line]) -> Iterator[Fault]:
    """Terms in another spelling than the book's."""
    for line in lines:
        words = plain(line.text)
        for pattern, expected in SPELLINGS.items():
            for found in re.findall(rf"(?:{pattern})", words):
                yield Fault(line, f"{found!r} is written {expected} in this book")


def dead_links(book: Book, file: str, lines: Iterable[Line]) -> Iterator[Fault]:
    """Links to files that are not there."""
    for line in lines:
        for target in _LINK.findall(_INLINE.sub(" ", line.text)):
            path = target.partition("#")[0]
            if path and not re.match(r"[a-z]+:", path) and not (book.root / file).parent.joinpath(path).exists():
                yield Fault(line, f"the link leads to {target}, which does not exist")


def figures(root: Path, file: str) -> Iterator[Fault]:
    """Figures without an alt text, a caption or both themes; tables without a caption."""
    lines = list(read_lines(root, file))
    text = "\n".join(line.text for line in lines)
    for found in re.finditer(r"^::: \{#(fig-[\w-]+)\}\n(.*?)^:::$", text, re.DOTALL | re.MULTILINE):
        name, body = found.groups()
        where = lines[text[: found.start()].count("\n")]
        if not re.search(r'^#\| fig-alt: ".{40,}"$', body, re.MULTILINE):
            yield Fault(where, f'{name} has no alt text of at least 40 characters (`#| fig-alt: "…"`)')
        if "#| renderings: [light, dark]" not in body:
            yield Fault(where, f"{name} is not drawn for both themes (`#| renderings: [light, dark]`)")
        if len(body.split("```")[-1].strip()) <= 30:
            yield Fault(where, f"{name} has no caption as its last paragraph")
    for number, line in enumerate(lines):
        if (found := re.match(r"#\| label: (tbl-[\w-]+)", line.text)) and not any(
            each.text.startswith("#| tbl-cap: ") for each in lines[number : number + 8]
        ):
            yield Fault(line, f'{found[1]} has no caption (`#| tbl-cap: "…"`)')


def references(book: Book) -> Iterator[Fault]:
    """Labels that are not unique or that nothing refers to, and references and citations that lead nowhere."""
    sources = {chapter.file: list(read_lines(book.root, chapter.file)) for chapter in book.chapters}
    everything = [line for lines in sources.values() for line in lines]
    labels: dict[str, Line] = {}
    for line in everything:
        for name in re.findall(r"(?:\{#|^#\| label: )((?:fig|tbl|sec|eq)-[\w-]+)", line.text):
            if name in labels:
                yield Fault(line, f"the label {name} is already at {labels[name]}")
            labels[name] = line
    used = {name for line in everything for name in _REFERENCE.findall(line.text)}
    for line in everything:
        for name in _REFERENCE.findall(line.text):
            if name not in labels:
                yield Fault(line, f"@{name} refers to nothing")
    for name, line in labels.items():
        if name.startswith("fig-") and name not in used:
            yield Fault(line, f"no sentence refers to {name}; write @{name} where it is explained")
    yield from _citations(book, sources)


def _citations(book: Book, sources: dict[str, list[Line]]) -> Iterator[Fault]:
    texts = [(book.root / file).read_text("utf-8") for file in book.bibliography]
    known = set(re.findall(r"^@\w+\{([^,\s]+),", "\n".join(texts), re.MULTILINE))
    cited: set[str] = set()
    for file in sources:
        for line in prose_lines(book.root, file):
            for name in _CITATION.findall(line.text):
                cited.add(name)
                if name not in known:
                    yield Fault(line, f"@{name} is not in {', '.join(book.bibliography)}")
    for name in sorted(known - cited):
        yield Fault(Line(book.bibliography[0], 1, ""), f"nothing cites {name}")


def all_faults(book: Book) -> Iterator[Fault]:
    """Every fault of the sources that can be seen without running them."""
    for chapter in book.chapters:
        lines = list(prose_lines(book.root, chapter.file))
        yield from typed_numbers(lines)
        yield from touching(lines)
        yield from misspelt(lines)
        yield from dead_links(book, chapter.file, lines)
        yield from figures(book.root, chapter.file)
    yield from references(book)


#: Words that compare or judge: a sentence that has one, and a value from results, must be bound to a check.
JUDGING = re.compile(
    r"\b(better|worse|higher|lower|larger|smaller|greater|above|below|fewer|more than|less than|ahead of|behind|beats?|"
    r"outperforms?|improves?|helps?|harms?|hurts?|exceeds?|hardly|nearly|almost|about as|the same as|no difference|"
    r"confirms?|reproduces?|holds|doesn't hold|at most|at least|much more|much less|nothing to speak of)\b",
    re.IGNORECASE,
)
