"""Reading delimited text as strings, and turning strings into numbers and dates with faults that name the cell.

Everything is read as text first. That is slower than letting a parser guess, but it is the only way to tell the user
which line of which file holds what, and the parsed copy is kept (see :mod:`labcode.data.sources`).
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Sequence
from csv import reader
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from labcode.errors import DataError

#: No data set of the project comes near this; a larger member is a mistake or a zip bomb.
MAX_BYTES = 1_000_000_000
_MISSING = {"", "na", "n/a", "nan", "null", "none", "-"}
_MAGIC = {
    b"version https://git-lfs": "is a Git LFS pointer, not the data; run `git lfs pull` where it came from",
    b"<!doctype html": "is a web page, not a table; the site probably wanted you to sign in first",
    b"<html": "is a web page, not a table; the site probably wanted you to sign in first",
    b"\xff\xfe": "is UTF-16 text; save it again as CSV in UTF-8",
    b"\xfe\xff": "is UTF-16 text; save it again as CSV in UTF-8",
    b"pk\x03\x04": "is a zip archive; give its name the ending .zip",
    b"\x1f\x8b": "is gzip-compressed; give its name the ending .gz",
    b"par1": "is a Parquet file; export it as CSV",
    b"{": "is JSON, not a table of comma-separated values",
}


def fault(path: Path, problem: str, *, line: int | None = None, column: str | None = None, mend: str = "") -> DataError:
    """A :class:`DataError` of one sentence: where, what was found and expected, and how to mend it."""
    where = f"{path}" + (f", line {line}" if line else "") + (f", column {column!r}" if column else "")
    return DataError(f"{where}: {problem}." + (f" {mend}" if mend else ""))


def read_strings(path: Path, members: Sequence[str]) -> pd.DataFrame:
    """Read a CSV file (plain, ``.gz`` or ``.zip``) with every cell as text.

    Parameters
    ----------
    path
        File to read. UTF-8 with or without a byte-order mark, any line ending.
    members
        File names to look for inside a zip archive, best first.

    Returns
    -------
    pandas.DataFrame
        Strings, one column per name in the header. Row ``i`` is line ``i + 2`` of the file.

    Raises
    ------
    DataError
        If the file is empty, unreadable, truncated, not comma-separated text, or has rows of unequal length.
    """
    content = _content(path, members)
    _refuse_other_formats(path, content)
    content = _utf8(path, content)
    return _parsed(path, content, _header(path, content))


def _utf8(path: Path, content: bytes) -> bytes:
    try:
        # Blank lines at the end are no rows.
        return content.decode("utf-8-sig").rstrip().encode()
    except UnicodeDecodeError as error:
        raise fault(
            path,
            f"found the byte 0x{content[error.start]:02x}, expected UTF-8 text",
            line=content[: error.start].count(b"\n") + 1,
            mend="Save the file again as CSV in UTF-8.",
        ) from None


def _parsed(path: Path, content: bytes, names: list[str]) -> pd.DataFrame:
    """Parse every cell as text, and refuse rows of another length than the header."""
    if b"\n" not in content:
        raise fault(path, "holds a header but no rows", mend="Delete it, then run `labcode data fetch`.")
    ragged: list[csv.InvalidRow] = []

    def keep(row: csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    table = csv.read_csv(
        io.BytesIO(content),
        read_options=csv.ReadOptions(use_threads=False, column_names=names, skip_rows=1, block_size=1 << 26),
        parse_options=csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=keep),
        convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    )
    if ragged:
        row = ragged[0]
        cut = "; the file was cut short" if row.number == table.num_rows + len(ragged) + 1 else ""
        raise fault(
            path,
            f"found {row.actual_columns} fields, expected {row.expected_columns}{cut}",
            line=row.number,
            mend="Repair that line, or download the file again, whole.",
        )
    return table.to_pandas().astype("str")


def _content(path: Path, members: Sequence[str]) -> bytes:
    if path.is_dir():
        raise fault(path, "is a folder, expected a file", mend="Move the file out of it, or rename the folder.")
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as stream:
                content = stream.read(MAX_BYTES + 1)
        elif path.suffix == ".zip":
            content = _zip_member(path, members)
        else:
            content = path.read_bytes()
    except PermissionError:
        raise fault(path, "may not be read by this user", mend=f"Allow it: chmod u+r '{path}'.") from None
    except (gzip.BadGzipFile, zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise fault(
            path,
            f"the archive is damaged or was cut short ({error})",
            mend="Download it again, whole.",
        ) from None
    if len(content) > MAX_BYTES:
        raise fault(path, f"holds more than {MAX_BYTES:,} bytes", mend="This cannot be the data set; remove the file.")
    if not content.strip():
        raise fault(path, "is empty, expected a header and rows", mend="Delete it, then run `labcode data fetch`.")
    return content


def _zip_member(path: Path, members: Sequence[str]) -> bytes:
    with zipfile.ZipFile(path) as archive:
        inside = {Path(info.filename).name: info for info in archive.infolist() if not info.is_dir()}
        found = next((inside[name] for name in members if name in inside), None)
        if found is None:
            raise fault(
                path,
                f"holds {', '.join(sorted(inside)[:5]) or 'nothing'}, expected {' or '.join(members)}",
                mend="Put the right archive in its place.",
            )
        with archive.open(found) as stream:
            return stream.read(MAX_BYTES + 1)


def zip_holds(path: Path, members: Sequence[str]) -> bool:
    """Whether a zip archive holds one of these file names; ``False`` for a damaged archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return not {Path(name).name for name in archive.namelist()}.isdisjoint(members)
    except (zipfile.BadZipFile, OSError):
        return False


def _refuse_other_formats(path: Path, content: bytes) -> None:
    start = content[:64].lower()
    for magic, problem in _MAGIC.items():
        if start.startswith(magic):
            sentence, _, mend = problem.partition("; ")
            raise fault(path, sentence, mend=f"{mend[:1].upper()}{mend[1:]}." if mend else "")
    if b"\0" in content[:4096]:
        raise fault(path, "is not text (it holds zero bytes)", mend="Save it again as CSV in UTF-8.")


def _header(path: Path, content: bytes) -> list[str]:
    line = content.split(b"\n", 1)[0].decode().strip("\r")
    for mark, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if mark in line and "," not in line:
            raise fault(
                path,
                f"fields are separated by {name}, expected commas",
                line=1,
                mend="Export it with commas and a decimal point.",
            )
    names = [name.strip() for name in next(reader([line]))]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise fault(path, f"the column {twice!r} stands twice", line=1, mend="Remove one of the two.")
    return names


def pick_columns(
    path: Path, frame: pd.DataFrame, expected: Sequence[str], other: dict[str, Sequence[str]]
) -> pd.DataFrame:
    """Keep the expected columns in order, whatever their case or spacing in the file.

    ``other`` names the columns of other files of the project, so that a wrong file under the right name is called so.
    Columns that are not expected are left out; the caller names them.
    """
    present = {name.casefold(): name for name in reversed(frame.columns)}
    missing = [name for name in expected if name.casefold() not in present]
    if not missing:
        return frame[[present[name.casefold()] for name in expected]].set_axis(list(expected), axis=1)
    for title, columns in other.items():
        if all(name.casefold() in present for name in columns):
            raise fault(
                path, f"holds {title}, expected the columns {', '.join(expected)}", mend="Give it its own name."
            )
    found = ", ".join(map(str, frame.columns[:12]))
    raise fault(
        path,
        f"lacks the column {missing[0]!r} (found: {found})",
        line=1,
        mend=f"The first line must name the columns {', '.join(expected)}.",
    )


def to_numbers(path: Path, text: pd.Series, *, what: str) -> pd.Series:
    """Turn strings into float64; ``what`` names what was expected, with its unit, for the message."""
    numbers = pd.to_numeric(text, errors="coerce").astype("float64")
    bad = numbers.isna().to_numpy().nonzero()[0]
    if len(bad):
        raise _bad_cell(path, text, int(bad[0]), what)
    return numbers


def to_dates(path: Path, text: pd.Series) -> pd.Series:
    """Turn ``2016-01-05``, ``2016-01-05 00:00:00`` or ``1/5/2016`` (month first) into dates; a column may mix them."""
    stamps = text.str.strip().str.replace(r"[T ]00:00(?::00(?:\.0+)?)?Z?$", "", regex=True)
    dates = pd.to_datetime(stamps, format="%Y-%m-%d", errors="coerce")
    left = dates.isna()
    if left.any():
        dates = dates.where(~left, pd.to_datetime(stamps[left], format="%m/%d/%Y", errors="coerce"))
    bad = dates.isna().to_numpy().nonzero()[0]
    if len(bad):
        raise _bad_cell(path, text, int(bad[0]), "a calendar date as year-month-day or month/day/year")
    return dates.astype("datetime64[ms]")


def to_labels(path: Path, text: pd.Series) -> pd.Series:
    """Strip labels and refuse missing ones."""
    labels = text.str.strip()
    bad = (labels == "").to_numpy().nonzero()[0]
    if len(bad):
        raise _bad_cell(path, text, int(bad[0]), "a name")
    return labels


def one_of(path: Path, numbers: pd.Series, allowed: Sequence[float]) -> pd.Series:
    """Refuse a number that is not among the allowed ones."""
    bad = (~numbers.isin(allowed)).to_numpy().nonzero()[0]
    if len(bad):
        shown = numbers.map("{:.10g}".format)
        raise _bad_cell(path, shown, int(bad[0]), " or ".join(map(str, allowed)))
    return numbers


def extra_columns(frame: pd.DataFrame, expected: Sequence[str]) -> tuple[str, ...]:
    """A note that names the columns left out, or none."""
    known = {name.casefold() for name in expected}
    extra = [repr(name) for name in frame.columns if name.casefold() not in known]
    return (f"Columns that are not part of the data set were left out: {', '.join(extra)}.",) if extra else ()


def _bad_cell(path: Path, text: pd.Series, row: int, what: str) -> DataError:
    value = str(text.iloc[row]).strip()
    found = "a missing value" if value.casefold() in _MISSING else repr(value)
    return fault(
        path,
        f"found {found}, expected {what}",
        line=row + 2,
        column=str(text.name),
        mend="Repair that line, or download the file again.",
    )
