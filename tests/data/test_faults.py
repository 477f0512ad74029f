"""Faulty and hostile files: each is refused with one sentence that names file, line, column and value."""

from __future__ import annotations

import gzip
import io
import os
import socket
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from labcode.data.maintenance import load_maintenance
from labcode.data.prices import load_prices
from labcode.data.schemas import MAINTENANCE_COLUMNS, UCI_FLAGS
from labcode.errors import DataError, LabcodeError

Spoil = Callable[[pd.DataFrame], str]


def cell(row: int, column: str, value: object) -> Spoil:
    def spoil(frame: pd.DataFrame) -> str:
        spoilt = frame.astype("object").reset_index(drop=True)
        spoilt.loc[row, column] = value
        return spoilt.to_csv(index=False)

    return spoil


def lines(change: Callable[[list[str]], list[str]]) -> Spoil:
    return lambda frame: "\n".join(change(frame.to_csv(index=False).splitlines()))


def dates(form: str, first: str = "2016-01-01", days: int = 300) -> Spoil:
    """Trading days with no day of the month above 12, written in a form."""

    def spoil(frame: pd.DataFrame) -> str:
        early = [day for day in pd.bdate_range(first, periods=900) if day.day <= 12][:days]
        return frame.assign(date=[early[row % len(early)].strftime(form) for row in range(len(frame))]).to_csv(
            index=False
        )

    return spoil


def mixed_orders(frame: pd.DataFrame) -> str:
    written = pd.Series(pd.bdate_range("2016-01-04", periods=len(frame)), index=frame.index)
    us, european = written.dt.strftime("%m/%d/%Y"), written.dt.strftime("%d/%m/%Y")
    return frame.assign(date=us.where(us.index < us.index[150], european)).to_csv(index=False)


def mixed_orders_year_first(frame: pd.DataFrame) -> str:
    written = pd.Series(pd.bdate_range("2016-01-04", periods=len(frame)), index=frame.index)
    iso, day_next = written.dt.strftime("%Y-%m-%d"), written.dt.strftime("%Y-%d-%m")
    return frame.assign(date=iso.where(iso.index < iso.index[200], day_next)).to_csv(index=False)


def one_sentence(load: Callable[[], object], *parts: str) -> None:
    start = time.monotonic()
    with pytest.raises(LabcodeError) as refusal:
        load()
    message = str(refusal.value)
    for part in parts:
        assert part in message, message
    assert message.isprintable() and len(message) < 1_500
    assert refusal.value.exit_code == 2
    assert time.monotonic() - start < 30, "far less on an idle machine"


PRICE_FAULTS: dict[str, tuple[Spoil, list[str]]] = {
    "missing column": (lambda f: f.drop(columns="high").to_csv(index=False), ["line 1", "'high'", "found: 'date'"]),
    "doubled column": (lambda f: f.to_csv(index=False).replace("volume", "open", 1), ["line 1", "'open'"]),
    "columns that differ by case": (lambda f: f.assign(CLOSE=1.0).to_csv(index=False), ["'close' and 'CLOSE'", "case"]),
    "header of 200,000 characters": (lambda f: "x" * 200_000 + f.to_csv(index=False), ["line 1", "characters"]),
    "header of 100,000 columns": (lambda f: "a," * 100_000 + f.to_csv(index=False), ["line 1", "characters"]),
    "symbol of 200,000 characters": (cell(4, "symbol", "x" * 200_000), ["line 6", "'symbol'", "200,000 characters"]),
    "symbol that is all control": (cell(4, "open", "\x1b[2J\a"), ["line 6", "'\\x1b[2J\\x07'"]),
    "zero-width space": (cell(4, "symbol", "A\u200bB"), ["line 6", "'symbol'", "'A\\u200bB'", "invisible", "U+200B"]),
    "turned direction": (cell(4, "symbol", "A\u202eB"), ["line 6", "'symbol'", "U+202E"]),
    "filler": (cell(4, "symbol", "\u3164"), ["line 6", "'symbol'", "U+3164"]),
    "NUL within": (cell(290, "symbol", "A\0B"), ["line 292", "0x00"]),
    "a quoted line end before": (
        lambda f: cell(9, "open", "x")(f.assign(symbol=f["symbol"].where(f.index > f.index[4], "A\nB"))),
        ["line 16", "'open'", "'x'"],
    ),
    "a quoted line end before a short line": (
        lambda f: cell(4, "symbol", "A\nB")(f) + "2016-01-04,A\n",
        ["line 303", "found 2 fields"],
    ),
    "no-break space": (cell(4, "open", "12.5\xa0"), ["line 6", "'12.5\\xa0'"]),
    "blank first line": (lambda f: "\n" + f.to_csv(index=False), ["line 1", "is blank"]),
    "decimal comma": (cell(4, "open", "12,5"), ["line 6", "'open'", "'12,5'", "decimal point"]),
    "thousands, English": (cell(4, "volume", "1,234,500"), ["line 6", "'volume'", "nothing between thousands"]),
    "one thousand, German": (cell(4, "volume", "1.234"), ["line 6", "'volume'", "whole number"]),
    "decimal comma, unquoted": (lines(lambda t: [*t[:9], t[9] + ",5", *t[10:]]), ["line 10", "found 8 fields"]),
    "missing number": (cell(7, "close", None), ["line 9", "'close'", "missing value"]),
    "negative price": (cell(11, "low", -3.5), ["line 13", "'low'", "-3.5", "USD"]),
    "negative volume": (cell(0, "volume", -1), ["line 2", "'volume'", "shares"]),
    "now": (cell(9, "date", "now"), ["line 11", "'date'", "'now'"]),
    "today": (cell(9, "date", "today"), ["line 11", "'today'"]),
    "yesterday": (cell(9, "date", "yesterday"), ["line 11", "'yesterday'"]),
    "a number for a date": (cell(9, "date", "20160105"), ["line 11", "'20160105'"]),
    "year of two digits": (cell(9, "date", "1/5/16"), ["line 11", "'1/5/16'"]),
    "30 February": (cell(9, "date", "2016-02-30"), ["line 11", "'date'", "2016-02-30"]),
    "no month at all": (cell(9, "date", "31/31/2016"), ["line 11", "31/31/2016"]),
    "time of day": (cell(9, "date", "2016-01-04 13:30:00"), ["line 11", "13:30"]),
    "date out of range": (cell(9, "date", "1816-01-04"), ["line 11", "1816-01-04", "1962"]),
    "year of five digits": (cell(9, "date", "20160-01-04"), ["line 11", "20160-01-04"]),
    "missing date": (cell(9, "date", ""), ["line 11", "'date'", "missing value"]),
    "day and month alike": (dates("%d/%m/%Y", "2016-01-04", days=1), ["'date'", "cannot be told apart"]),
    "mixed orders": (mixed_orders, ["'date'", "Monday to Friday as"]),
    "weekend": (cell(9, "date", "2016-01-09"), ["line 11", "'2016-01-09'", "Monday to Friday as year-month-day"]),
    "mixed orders, year first": (mixed_orders_year_first, ["line 204", "Monday to Friday as year-month-day"]),
    "missing symbol": (cell(9, "symbol", ""), ["line 11", "'symbol'", "missing value"]),
    "empty file": (lambda f: "", ["is empty"]),
    "header only": (lines(lambda text: text[:1]), ["no rows"]),
    "too few rows": (lines(lambda text: text[:20]), ["19 rows", "at least 100"]),
    "cut within a line": (lambda f: f.to_csv(index=False)[:-30], ["line 301", "cut short"]),
    "short line": (lines(lambda t: [*t[:50], "2016-01-04,AAA,1.0", *t[50:]]), ["line 51", "found 3 fields"]),
    "blank line within": (lines(lambda t: [*t[:50], "", *t[50:]]), ["line 51"]),
    "quote that never ends": (lines(lambda t: [*t[:50], '"' + t[50], *t[51:]]), ["fields"]),
    "semicolons": (lambda f: f.to_csv(index=False, sep=";", decimal=","), ["semicolons", "commas"]),
    "web page": (lambda f: "<!DOCTYPE html><html>Sign in</html>", ["web page", "sign in"]),
    "LFS pointer": (lambda f: "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", ["Git LFS"]),
    "JSON": (lambda f: f.to_json(), ["JSON"]),
    "JSON, a list": (lambda f: f.to_json(orient="records"), ["JSON"]),
    "XML": (lambda f: "\n<?xml version='1.0'?><html>", ["XML"]),
}


@pytest.mark.parametrize("case", PRICE_FAULTS)
def test_a_faulty_prices_file_is_refused_with_one_sentence(folder: Path, good_prices: pd.DataFrame, case: str) -> None:
    spoil, expected = PRICE_FAULTS[case]
    (folder / "prices.csv").write_text(spoil(good_prices))
    one_sentence(load_prices, str(folder / "prices.csv"), *expected)


def as_uci(frame: pd.DataFrame) -> pd.DataFrame:
    flags = dict.fromkeys(UCI_FLAGS, 0)
    return frame[list(MAINTENANCE_COLUMNS[:8])].assign(**{"Machine failure": 0}, **flags)


def relabelled_twin(frame: pd.DataFrame) -> str:
    return pd.concat([frame, frame.iloc[[4]].assign(**{"Failure Type": "Power Failure"})]).to_csv(index=False)


MAINTENANCE_FAULTS: dict[str, tuple[Spoil, list[str]]] = {
    "unknown failure": (cell(5, "Failure Type", "Gremlins"), ["line 7", "'Gremlins'", "Power Failure"]),
    "unknown quality": (cell(5, "Type", "X"), ["line 7", "'X'", "L, M, H"]),
    "identifier against quality": (
        lambda f: cell(5, "Product ID", "HLM"["LMH".index(f["Type"].iloc[5])] + "47181")(f),
        ["line 7", "'Product ID'", "47181'", "that line's Type"],
    ),
    "Celsius": (cell(5, "Air temperature [K]", 25.0), ["line 7", "'25.0'", "K"]),
    "Target 2": (cell(5, "Target", 2), ["line 7", "'Target'", "found '2'"]),
    "Target one half": (cell(5, "Target", 0.5), ["line 7", "'Target'", "0.5"]),
    "UDI with a fraction": (cell(5, "UDI", 1.999999), ["line 7", "'UDI'", "1.999999", "whole"]),
    "UDI finer than a float": (cell(5, "UDI", "1.99999999999999999999"), ["line 7", "'UDI'"]),
    "UDI in words": (cell(5, "UDI", "six"), ["line 7", "'UDI'", "'six'"]),
    "no label": (lambda f: f.drop(columns="Failure Type").to_csv(index=False), ["lacks the column 'Failure Type'"]),
    "one product, two labels": (relabelled_twin, ["line 302", "'Power Failure'", "same product"]),
    "UCI flag 2": (lambda f: as_uci(f).assign(TWF=2).to_csv(index=False), ["line 2", "'TWF'", "0 or 1"]),
    "label against flags": (
        lambda f: as_uci(f).assign(**{"Failure Type": "Power Failure"}).to_csv(index=False),
        ["line 2", "'Failure Type'", "what the flags in that line say"],
    ),
    "Target against flags": (lambda f: as_uci(f).assign(Target=1).to_csv(index=False), ["line 2", "'Target'"]),
}


@pytest.mark.parametrize("case", MAINTENANCE_FAULTS)
def test_a_faulty_maintenance_file_is_refused(folder: Path, good_maintenance: pd.DataFrame, case: str) -> None:
    spoil, expected = MAINTENANCE_FAULTS[case]
    (folder / "predictive_maintenance.csv").write_text(spoil(good_maintenance))
    one_sentence(load_maintenance, *expected)


def test_a_wrong_file_under_the_right_name_is_called_so(
    folder: Path, good_prices: pd.DataFrame, good_maintenance: pd.DataFrame
) -> None:
    good_maintenance.to_csv(folder / "prices.csv", index=False)
    good_prices.to_csv(folder / "predictive_maintenance.csv", index=False)
    one_sentence(load_prices, "holds the maintenance data")
    one_sentence(load_maintenance, "holds the prices")


def zipped(text: str, *members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members or ("prices.csv",):
            archive.writestr(member, text)
    return buffer.getvalue()


def encrypted(text: str) -> bytes:
    """A zip whose directories say that its member is encrypted."""
    content = bytearray(zipped(text))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    return bytes(content)


BINARY_FAULTS: dict[str, tuple[Callable[[str], bytes], str, str]] = {
    "UTF-16": (lambda text: text.encode("utf-16"), "prices.csv", "UTF-16"),
    "Latin-1": (lambda text: text.replace("SIM", "Ä").encode("latin-1"), "prices.csv", "line 2"),
    "zip without its ending": (zipped, "prices.csv", ".zip"),
    "gzip without its ending": (lambda text: gzip.compress(text.encode()), "prices.csv", ".gz"),
    "gzip cut short": (lambda text: gzip.compress(text.encode())[:-200], "prices.csv.gz", "cut short"),
    "zip damaged": (lambda text: zipped(text)[:99] + b"\0" * 99 + zipped(text)[198:], "prices.csv.zip", "damaged"),
    "zip encrypted": (encrypted, "prices.csv.zip", "encrypted"),
    "zip of something else": (lambda text: zipped(text, "notes.txt"), "prices.csv.zip", "notes.txt"),
    "zip of two": (
        lambda text: zipped(text, "a/prices.csv", "b/prices.csv"),
        "prices.csv.zip",
        "expected one prices.csv",
    ),
    "gzip bomb": (lambda text: gzip.compress(bytes(250_000_000), 1), "prices.csv.gz", "unpacks to more than"),
    "zero bytes": (lambda text: b"date,symbol\0\0\0\0", "prices.csv", "0x00"),
    "Parquet": (lambda text: b"PAR1" + bytes(100), "prices.csv", "Parquet"),
}


@pytest.mark.parametrize("case", BINARY_FAULTS)
def test_bytes_that_are_no_table_are_refused(folder: Path, good_prices: pd.DataFrame, case: str) -> None:
    spoil, name, expected = BINARY_FAULTS[case]
    (folder / name).write_bytes(spoil(good_prices.to_csv(index=False)))
    one_sentence(load_prices, name, expected)


def listening(path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as short, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{short}/s")
        os.rename(f"{short}/s", path)


NO_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (lambda path: path.mkdir(), "is a folder"),
    "link that dangles": (lambda path: path.symlink_to("nothing"), "is a link to a file that is not there"),
    "link that loops": (lambda path: path.symlink_to(path), "symbolic links"),
    "link to a device": (lambda path: path.symlink_to("/dev/zero"), "is a device"),
    "link to what the kernel makes up": (lambda path: path.symlink_to("/proc/kmsg"), "is empty"),
    "pipe": (os.mkfifo, "is a pipe"),
    "socket": (listening, "is a socket"),
    "link to a name that is too long": (lambda path: path.symlink_to("x" * 300), "name too long"),
    "file of a terabyte": (lambda path: path.touch() or os.truncate(path, 10**12), "holds more than"),
}


@pytest.mark.skipif(os.name == "nt", reason="has no such files")
@pytest.mark.parametrize("case", NO_FILES)
def test_what_is_no_file_is_refused_at_once(folder: Path, case: str) -> None:
    make, expected = NO_FILES[case]
    make(folder / "prices.csv")
    with pytest.raises(DataError, match=f"(?i){expected}"):
        load_prices()


@pytest.fixture
def nobody() -> Iterator[None]:
    """Root may read anything, so become somebody else for a while."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


@pytest.mark.skipif(os.name == "nt", reason="has other permissions")
def test_files_and_folders_without_permission_are_refused(
    good_prices: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, nobody: None
) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "prices.csv"
        good_prices.to_csv(path, index=False)
        monkeypatch.setenv("LABCODE_DATA_DIR", name)
        path.chmod(0)
        one_sentence(load_prices, str(path), "chmod")
        for mode in (0o600, 0):
            Path(name).chmod(mode)
            one_sentence(load_prices, name, "chmod" if mode else "Permission denied")
        Path(name).chmod(0o700)


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("/no/such/folder", "LABCODE_DATA_DIR names '/no/such/folder'"),
        ("/etc/hostname", "/etc/hostname"),
        ("x" * 100_000, "100,000 characters"),
        ("~nobody-of-this-name/x", "nobody-of-this-name"),
        ("a\x1b[2Jb", "'a\\x1b[2Jb'"),
    ],
    ids=["missing", "a file", "too long", "no such user", "control characters"],
)
def test_a_data_folder_that_cannot_be_read_is_an_error_not_a_simulation(
    monkeypatch: pytest.MonkeyPatch, named: str, expected: str
) -> None:
    monkeypatch.setenv("LABCODE_DATA_DIR", named)
    one_sentence(load_prices, expected)
