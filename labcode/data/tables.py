"""Delimited text, read as strings first, so that a fault can name the file, the line, the column and the value."""

from __future__ import annotations

import csv
import gzip
import io
import re
import stat
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from labcode.data.dates import UnclearDate, parse_dates
from labcode.errors import DataError, quoted

#: No data set of the project comes near this; a larger file, packed or not, is a mistake or a zip bomb.
MAX_BYTES = 200_000_000
MAX_HEADER, MAX_LABEL = 10_000, 300
#: Characters that leave no mark though they count as printable: joiners, fillers, selectors of a variant.
_MARKLESS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
#: Note on a file that may have been cut within its last number.
UNFINISHED = "The file does not end with a newline: its last row is doubtful, it may have been cut short."
_REPAIR = "Repair that line, or download the file again."
_WHOLE = "Download it again, whole."
_MISSING = {"", "na", "n/a", "nan", "null", "none", "-"}
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_MAGIC = {
    b"version https://git-lfs": ("a Git LFS pointer, not the data", "Run `git lfs pull` where it came from."),
    b"<!doctype html": ("a web page, not a table", "The site probably wanted you to sign in first."),
    b"<html": ("a web page, not a table", "The site probably wanted you to sign in first."),
    b"\xff\xfe": ("UTF-16 text", "Save it again as CSV in UTF-8."),
    b"\xfe\xff": ("UTF-16 text", "Save it again as CSV in UTF-8."),
    b"pk\x03\x04": ("a zip archive or a workbook", "Name an archive .zip; export a workbook as CSV."),
    b"\x1f\x8b": ("gzip-compressed", "Give its name the ending .gz."),
    b"par1": ("a Parquet file", "Export it as CSV."),
    b"<?xml": ("XML or a web page, not a table", "Export it as CSV."),
    b"[": ("JSON, not a table of comma-separated values", "Export it as CSV."),
    b"{": ("JSON, not a table of comma-separated values", "Export it as CSV."),
}


def fault(path: Path, problem: str, mend: str, *, line: int | None = None, column: str | None = None) -> DataError:
    """A :class:`DataError` of one sentence: where, what was found and expected; and how to mend it."""
    shown = str(path) if str(path).isprintable() and len(str(path)) < 300 else quoted(path, 300)
    where = shown + (f", line {line}" if line else "") + (f", column {quoted(column)}" if column else "")
    return DataError(f"{where}: {problem}. {mend}")


@dataclass(frozen=True)
class Cells:
    """The cells of a file as text; `notes` says what is doubtful, `content` where a row of `frame` stands."""

    path: Path
    frame: pd.DataFrame
    notes: tuple[str, ...]
    content: bytes

    def pick(self, expected: Sequence[str], others: Mapping[str, Sequence[str]] | None = None) -> Cells:
        """Keep the expected columns, in order, whatever their case; `others` are those of files with other names."""
        present = {name.casefold(): name for name in self.frame.columns}
        missing = [name for name in expected if name.casefold() not in present]
        for title, columns in (others or {}).items():
            if missing and all(name.casefold() in present for name in columns):
                problem = f"holds {title}, expected the columns {', '.join(expected)}"
                raise fault(self.path, problem, "Give it its own name.")
        if missing:
            found = ", ".join(map(quoted, self.frame.columns[:12]))
            mend = f"The first line must name the columns {', '.join(expected)}."
            raise fault(self.path, f"lacks the column {missing[0]!r} (found: {found})", mend, line=1)
        kept = [present.pop(name.casefold()) for name in expected]
        extra = ", ".join(quoted(name) for name in [*present.values()][:12])
        notes = (f"Columns that are not part of the data set were left out: {extra}.",) if extra else ()
        frame = self.frame[kept].set_axis(list(expected), axis=1)
        return replace(self, frame=frame, notes=(*self.notes, *notes))

    def numbers(self, column: str, expected: str) -> pd.Series:
        """A column as float64; ``expected`` says what it holds, with its unit."""
        numbers = pd.to_numeric(self.frame[column], errors="coerce").astype("float64")
        self.refuse(column, numbers.isna(), expected)
        return numbers

    def whole_numbers(self, column: str, expected: str) -> pd.Series:
        """A column of identifiers or flags as float64: digits, and no more than zeros after a decimal point."""
        self.refuse(column, ~self.frame[column].str.strip().str.fullmatch(r"[0-9]{1,15}(?:\.0*)?"), expected)
        return self.numbers(column, expected)

    def labels(self, column: str) -> pd.Series:
        """A column of names, without the spaces around them; two that look alike are one."""
        labels = self.frame[column].str.strip()
        self.refuse(column, ~labels.str.len().between(1, MAX_LABEL), f"a name of 1 to {MAX_LABEL} characters")
        for label in labels.unique():
            for character in _unseen(label):
                expected = f"a name without the invisible character U+{ord(character):04X}"
                self.refuse(column, labels == label, expected)
        return labels

    def dates(self, column: str) -> pd.Series:
        """A column of dates, see :func:`parse_dates`."""
        try:
            return parse_dates(self.frame[column])
        except UnclearDate as unclear:
            raise self.bad_cell(unclear.row, column, unclear.expected) from None

    def refuse(self, column: str, bad: pd.Series, expected: str) -> None:
        """Refuse the first cell of those that are bad; ``expected`` says what would have been good."""
        for row in bad.to_numpy(dtype=bool).nonzero()[0][:1]:
            raise self.bad_cell(int(row), column, expected)

    def bad_cell(self, row: int, column: str, expected: str) -> DataError:
        """The fault of one cell."""
        value = str(self.frame[column].iloc[row]).strip(" ")
        shown = "a missing value" if value.casefold() in _MISSING else quoted(value)
        mend = "Write numbers with a decimal point and nothing between thousands." if "," in value else _REPAIR
        return fault(
            self.path, f"found {shown}, expected {expected}", mend, line=_line(self.content, row + 2), column=column
        )


def read_cells(path: Path, members: Sequence[str]) -> Cells:
    """Read a CSV file in UTF-8 (plain, ``.gz``, or one of the `members` of a ``.zip``) with every cell as text.

    Raises `DataError` if it cannot be read, is empty, cut short or not comma-separated text, or has uneven rows.
    """
    check_file(path)
    content = _utf8(path, _unpacked(path, members))
    notes = () if content.endswith(b"\n") else (UNFINISHED,)
    content = content.rstrip()  # blank lines at the end are no rows
    header, _, rows = content.partition(b"\n")
    if not header.strip():
        raise fault(path, "is blank, expected the names of columns", "Remove that line.", line=1)
    if not rows:
        raise fault(path, "holds a header but no rows", "Delete it, then run `labcode data fetch`.")
    return Cells(path, _parsed(path, content, _column_names(path, header.decode())), notes, content)


def check_file(path: Path) -> None:
    """Refuse what is no readable file of a sensible size; nothing is opened that could block."""
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            kind = _KINDS.get(stat.S_IFMT(facts.st_mode), "no file")
            raise fault(path, f"is {kind}, expected a file", "Move it away, and put the file in its place.")
        if not facts.st_size:  # also what the kernel makes up as it is read, which may never come
            raise fault(path, "is empty, expected a header and rows", "Delete it, then run `labcode data fetch`.")
        if facts.st_size > MAX_BYTES:
            raise fault(path, f"holds more than {MAX_BYTES:,} bytes", "This cannot be the data set; remove the file.")
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise fault(path, "is a link to a file that is not there", "Mend or remove the link.") from None
    except PermissionError:
        mend = f"Allow it, for instance with: chmod u+rX '{path.parent}' '{path}'."
        raise fault(path, "may not be read by this user", mend) from None
    except OSError as error:
        raise fault(path, f"cannot be read ({error.strerror or error})", "Mend or remove it.") from None


def _unpacked(path: Path, members: Sequence[str]) -> bytes:
    try:
        if path.suffix == ".zip":
            content = _zip_member(path, members)
        else:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
    except DataError:
        raise
    except Exception as error:  # damaged archives raise nearly anything
        problem = f"cannot be unpacked, it is damaged, cut short or encrypted ({quoted(error, 200)})"
        raise fault(path, problem, _WHOLE) from None
    if len(content) > MAX_BYTES:
        raise fault(path, f"unpacks to more than {MAX_BYTES:,} bytes", "This cannot be the data set; remove the file.")
    return content


def _zip_member(path: Path, members: Sequence[str]) -> bytes:
    with zipfile.ZipFile(path) as archive:
        files = [name for name in archive.namelist() if not name.startswith("__MACOSX/") and not name.endswith("/")]
        for member in members:
            found = [name for name in files if Path(name).name == member]
            if len(found) > 1:
                problem = f"holds {', '.join(map(quoted, found[:5]))}, expected one {member}"
                raise fault(path, problem, "Keep the right one alone.")
            if found:
                with archive.open(found[0]) as stream:
                    return stream.read(MAX_BYTES + 1)
    held = ", ".join(quoted(Path(name).name) for name in sorted(files)[:5]) or "nothing"
    raise fault(path, f"holds {held}, expected {' or '.join(members)}", "Put the right archive in its place.")


def zip_members(path: Path) -> set[str] | None:
    """Names of the files in a zip archive, without their folders; ``None`` for what is none, or is damaged."""
    try:
        check_file(path)
        with zipfile.ZipFile(path) as archive:
            return {Path(name).name for name in archive.namelist()}
    except Exception:
        return None


def _utf8(path: Path, content: bytes) -> bytes:
    """The text as UTF-8 without a byte-order mark, each line ended by one newline; other formats are refused."""
    for magic, (kind, mend) in _MAGIC.items():
        if content[:64].lstrip().lower().startswith(magic):
            raise fault(path, f"is {kind}", mend)
    content = content.removeprefix(b"\xef\xbb\xbf")
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not content.strip():
        raise fault(path, "is empty, expected a header and rows", "Delete it, then run `labcode data fetch`.")
    try:
        content.decode()
        bad = content.find(b"\0")
    except UnicodeDecodeError as error:
        bad = error.start
    if bad >= 0:
        problem, line = f"found the byte 0x{content[bad]:02x}, expected UTF-8 text", content[:bad].count(b"\n") + 1
        raise fault(path, problem, "Save the file again as CSV in UTF-8.", line=line)
    return content


def _column_names(path: Path, line: str) -> list[str]:
    if len(line) > MAX_HEADER:
        raise fault(path, f"the header has {len(line):,} characters, expected column names", _WHOLE, line=1)
    for mark, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if mark in line and "," not in line:
            mend = "Export it with commas and a decimal point."
            raise fault(path, f"fields are separated by {name}, expected commas", mend, line=1)
    names = [name.strip() for name in next(csv.reader([line]))]
    first: dict[str, str] = {}
    for name in names:
        if (key := name.casefold()) in first:
            problem = f"the columns {quoted(first[key])} and {quoted(name)} have one name, apart from case"
            raise fault(path, problem, "Rename or remove one of the two.", line=1)
        first[key] = name
    return names


def _parsed(path: Path, content: bytes, names: list[str]) -> pd.DataFrame:
    """Parse every cell as text, and refuse rows of another length than the header."""
    ragged: list[arrow_csv.InvalidRow] = []

    def keep(row: arrow_csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    try:
        table = arrow_csv.read_csv(
            io.BytesIO(content),
            read_options=arrow_csv.ReadOptions(use_threads=False, column_names=names, skip_rows=1, block_size=1 << 26),
            parse_options=arrow_csv.ParseOptions(
                ignore_empty_lines=False, invalid_row_handler=keep, newlines_in_values=b'"' in content
            ),
            convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except pa.ArrowInvalid as error:
        raise fault(path, f"cannot be taken apart into rows and fields ({quoted(error, 200)})", _WHOLE) from None
    if ragged:
        row = ragged[0]
        line = None if row.number is None else _line(content, row.number)
        cut = "; the file was cut short" if row.number == table.num_rows + len(ragged) + 1 else ""
        problem = f"found {row.actual_columns} fields, expected {row.expected_columns}{cut}"
        raise fault(path, problem, "Repair that line, or download the file again, whole.", line=line)
    frame: pd.DataFrame = table.to_pandas().astype("str")
    return frame


def _unseen(label: str) -> list[str]:
    """Characters of a name that nobody sees; blanks and line ends are seen."""
    if label.isprintable() and label.isascii():
        return []
    return [each for each in label if (not each.isprintable() and each not in "\t\n\r") or _MARKLESS.match(each)]


def _line(content: bytes, row: int) -> int:
    """Line on which a row begins, both counted from 1: a field in quotes may hold line ends."""
    if b'"' not in content:
        return row
    rows = csv.reader(io.StringIO(content.decode(), newline=""))
    with suppress(csv.Error):  # a field is too long for this reader
        for _ in islice(rows, row - 1):
            pass
        return rows.line_num + 1
    return row
