"""Reading files: every good form is read alike, every fault is named with its line and column."""

from __future__ import annotations

import gzip
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labcode.data.maintenance import MAINTENANCE, load_maintenance
from labcode.data.prices import load_prices, untrustworthy
from labcode.data.schemas import MAINTENANCE_COLUMNS, PRICE_COLUMNS, UCI_FLAGS
from labcode.data.sources import find_file
from labcode.errors import DataError, LabcodeError


def write_prices(folder: Path, frame: pd.DataFrame, name: str = "prices.csv", **options: object) -> Path:
    path = folder / name
    frame.to_csv(path, index=False, **options)  # type: ignore[call-overload]
    return path


def same_rows(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_categorical=False)


# Good files, in all their forms.


def test_a_plain_file_is_read_with_types_and_provenance(folder: Path, good_prices: pd.DataFrame) -> None:
    path = write_prices(folder, good_prices)
    dataset = load_prices()
    assert list(dataset.frame.columns) == list(PRICE_COLUMNS)
    assert str(dataset.frame["date"].dtype).startswith("datetime64")
    assert (dataset.frame.dtypes[2:] == "float64").all()
    np.testing.assert_array_equal(dataset.frame["close"], good_prices["close"])
    facts = dataset.provenance
    assert (facts.source, facts.path, facts.rows, facts.status) == ("file", path, 300, "unverified copy")
    assert any("851,264" in note for note in facts.notes), "a part of the published file is called so"


def mixed_dates(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(date=frame["date"].where(frame.index % 2 == 0, frame["date"] + " 00:00:00"))


def us_dates(frame: pd.DataFrame) -> pd.DataFrame:
    days = pd.to_datetime(frame["date"])
    return frame.assign(date=[f"{day.month}/{day.day}/{day.year}" for day in days])


@pytest.mark.parametrize(
    ("change", "options"),
    [
        pytest.param(mixed_dates, {}, id="mixed date forms"),
        pytest.param(us_dates, {}, id="US dates"),
        pytest.param(lambda f: f.assign(volume=f["volume"].astype("int64")), {}, id="whole-number volumes"),
        pytest.param(lambda f: f, {"encoding": "utf-8-sig"}, id="byte-order mark"),
        pytest.param(lambda f: f, {"lineterminator": "\r\n"}, id="CRLF"),
        pytest.param(lambda f: f[[*f.columns[::-1]]], {}, id="columns in another order"),
        pytest.param(lambda f: f.rename(columns=str.upper), {}, id="upper-case header"),
        pytest.param(lambda f: f.rename(columns=" {} ".format), {}, id="spaces around the header"),
        pytest.param(lambda f: f, {"quoting": 1}, id="everything quoted"),
    ],
)
def test_other_forms_of_the_same_rows_read_alike(
    folder: Path, good_prices: pd.DataFrame, change: Callable[[pd.DataFrame], pd.DataFrame], options: dict[str, object]
) -> None:
    write_prices(folder, good_prices)
    expected = load_prices().frame
    write_prices(folder, change(good_prices), **options)
    same_rows(load_prices().frame, expected)


def test_any_row_order_is_kept(folder: Path, good_prices: pd.DataFrame) -> None:
    shuffled = good_prices.sample(frac=1, random_state=1)
    write_prices(folder, shuffled)
    np.testing.assert_array_equal(load_prices().frame["close"], shuffled["close"])


@pytest.mark.parametrize("name", ["prices.csv.gz", "prices.csv.zip", "archive.zip", "prices-split-adjusted.csv"])
def test_compressed_and_renamed_files_are_found(folder: Path, good_prices: pd.DataFrame, name: str) -> None:
    text = good_prices.to_csv(index=False)
    if name.endswith(".gz"):
        (folder / name).write_bytes(gzip.compress(text.encode()))
    elif name.endswith(".zip"):
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("nyse/prices.csv", text)
            archive.writestr("nyse/fundamentals.csv", "a,b\n1,2\n")
    else:
        (folder / name).write_text(text)
    dataset = load_prices()
    assert dataset.provenance.path == folder / name
    assert len(dataset.frame) == 300
    assert any("split-adjusted" in note for note in dataset.provenance.notes) == ("split" in name)


def test_the_original_prices_win_over_their_split_adjusted_sibling(folder: Path, good_prices: pd.DataFrame) -> None:
    write_prices(folder, good_prices.assign(close=good_prices["low"]), "prices-split-adjusted.csv")
    path = write_prices(folder, good_prices)
    assert load_prices().provenance.path == path


def test_extra_columns_are_left_out_and_named(folder: Path, good_prices: pd.DataFrame) -> None:
    write_prices(folder, good_prices.assign(adjusted=1.0))
    dataset = load_prices()
    assert "adjusted" not in dataset.frame
    assert any("'adjusted'" in note for note in dataset.provenance.notes)


def test_blank_lines_at_the_end_are_no_rows(folder: Path, good_prices: pd.DataFrame) -> None:
    path = write_prices(folder, good_prices)
    path.write_text(path.read_text() + "\n\n")
    assert len(load_prices().frame) == 300


def test_odd_rows_are_counted_and_kept(folder: Path, good_prices: pd.DataFrame) -> None:
    odd = good_prices.reset_index(drop=True).copy()
    odd.loc[3, ["low", "high"]] = [20.0, 10.0]
    odd.loc[5, "close"] = odd.loc[5, "high"] + 1
    odd.loc[[7, 8], "volume"] = 0
    odd.loc[10, ["date", "symbol"]] = odd.loc[9, ["date", "symbol"]]
    write_prices(folder, odd)
    dataset = load_prices()
    counts = dataset.provenance.oddities
    assert counts == {
        "high below low": 1,
        "close outside [low, high]": 2,
        "repeated (date, symbol)": 1,
        "zero volume": 2,
    }
    assert len(dataset.frame) == 300
    assert sorted(np.flatnonzero(untrustworthy(dataset.frame))) == [3, 5, 10]
    assert all(dataset.provenance.rules[name] for name in counts), "every oddity has a rule"


def as_uci(frame: pd.DataFrame) -> pd.DataFrame:
    flags = dict.fromkeys(UCI_FLAGS, 0)
    return frame[list(MAINTENANCE_COLUMNS[:8])].assign(**{"Machine failure": frame["Target"]}, **flags)


def test_ucis_own_file_gets_its_label_from_its_flags(folder: Path, good_maintenance: pd.DataFrame) -> None:
    uci = as_uci(good_maintenance).assign(PWF=0, TWF=0)
    uci.loc[0, ["PWF", "TWF"]] = 1
    uci.loc[1, ["TWF", "HDF"]] = 1
    uci.loc[2, "RNF"] = 1
    uci.to_csv(folder / "ai4i2020.csv", index=False)
    dataset = load_maintenance()
    labels = list(dataset.frame["Failure Type"][:4])
    assert labels == ["Power Failure", "Tool Wear Failure", "Random Failures", "No Failure"]
    assert any("derived" in note for note in dataset.provenance.notes)


def test_maintenance_has_whole_targets_and_float_sensors(folder: Path, good_maintenance: pd.DataFrame) -> None:
    good_maintenance.to_csv(folder / "predictive_maintenance.csv", index=False)
    frame = load_maintenance().frame
    assert list(frame.columns) == list(MAINTENANCE_COLUMNS)
    assert (frame["Target"].dtype, frame["Torque [Nm]"].dtype) == ("int64", "float64")
    np.testing.assert_array_equal(frame["Torque [Nm]"], good_maintenance["Torque [Nm]"])


# Faults. Each case: how to spoil the file, and what the sentence must say.


def cell(row: int, column: str, value: object) -> Callable[[pd.DataFrame], str]:
    def spoil(frame: pd.DataFrame) -> str:
        spoilt = frame.astype("object").reset_index(drop=True)
        spoilt.loc[row, column] = value
        return spoilt.to_csv(index=False)

    return spoil


def lines(change: Callable[[list[str]], list[str]]) -> Callable[[pd.DataFrame], str]:
    return lambda frame: "\n".join(change(frame.to_csv(index=False).splitlines()))


PRICE_FAULTS = {
    "missing column": (lambda f: f.drop(columns="high").to_csv(index=False), ["line 1", "'high'", "found: date"]),
    "no header": (lines(lambda text: text[1:]), ["line 1", "lacks the column 'date'"]),
    "doubled column": (lambda f: f.to_csv(index=False).replace("volume", "open", 1), ["line 1", "'open'", "twice"]),
    "text in a number": (cell(4, "open", "12,5x"), ["line 6", "'open'", "'12,5x'", "USD"]),
    "missing number": (cell(7, "close", None), ["line 9", "'close'", "missing value"]),
    "the word NaN": (cell(7, "low", "NaN"), ["line 9", "'low'", "missing value"]),
    "infinite": (cell(2, "high", "inf"), ["line 4", "'high'", "inf"]),
    "negative price": (cell(11, "low", -3.5), ["line 13", "'low'", "-3.5", "USD"]),
    "zero price": (cell(11, "open", 0), ["line 13", "'open'", "found 0"]),
    "absurd price": (cell(11, "open", 5e7), ["line 13", "50,000,000"]),
    "negative volume": (cell(0, "volume", -1), ["line 2", "'volume'", "shares"]),
    "30 February": (cell(9, "date", "2016-02-30"), ["line 11", "'date'", "2016-02-30"]),
    "month 13": (cell(9, "date", "2016-13-01"), ["line 11", "2016-13-01"]),
    "day first": (cell(9, "date", "31/01/2016"), ["line 11", "31/01/2016", "month/day/year"]),
    "time of day": (cell(9, "date", "2016-01-04 13:30:00"), ["line 11", "13:30"]),
    "date out of range": (cell(9, "date", "1816-01-04"), ["line 11", "1816-01-04", "1962"]),
    "missing date": (cell(9, "date", ""), ["line 11", "'date'", "missing value"]),
    "missing symbol": (cell(9, "symbol", ""), ["line 11", "'symbol'", "missing value"]),
    "empty file": (lambda f: "", ["is empty"]),
    "only blanks": (lambda f: " \n \n", ["is empty"]),
    "header only": (lines(lambda text: text[:1]), ["no rows"]),
    "too few rows": (lines(lambda text: text[:20]), ["19 rows", "at least 100"]),
    "cut within a line": (lambda f: f.to_csv(index=False)[:-30], ["line 301", "cut short"]),
    "short line": (
        lines(lambda t: [*t[:50], "2016-01-04,AAA,1.0", *t[50:]]),
        ["line 51", "found 3 fields, expected 7"],
    ),
    "long line": (lines(lambda t: [*t[:50], t[50] + ",9,9", *t[51:]]), ["line 51", "found 9 fields, expected 7"]),
    "blank line within": (lines(lambda t: [*t[:50], "", *t[50:]]), ["line 51"]),
    "semicolons": (lambda f: f.to_csv(index=False, sep=";"), ["semicolons", "commas"]),
    "tabs": (lambda f: f.to_csv(index=False, sep="\t"), ["tabs", "commas"]),
    "web page": (lambda f: "<!DOCTYPE html><html>Sign in</html>", ["web page", "sign in"]),
    "LFS pointer": (lambda f: "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", ["Git LFS"]),
    "JSON": (lambda f: f.to_json(), ["JSON"]),
}


@pytest.mark.parametrize("case", PRICE_FAULTS)
def test_a_faulty_prices_file_is_refused_with_one_sentence(folder: Path, good_prices: pd.DataFrame, case: str) -> None:
    spoil, expected = PRICE_FAULTS[case]
    path = folder / "prices.csv"
    path.write_text(spoil(good_prices))
    with pytest.raises(DataError) as refusal:
        load_prices()
    message = str(refusal.value)
    for part in [str(path), *expected]:
        assert part in message, message
    assert "\n" not in message


BINARY_FAULTS = {
    "UTF-16": (lambda text: text.encode("utf-16"), "prices.csv", "UTF-16"),
    "Latin-1": (lambda text: text.replace("SIM", "Ä").encode("latin-1"), "prices.csv", "line 2"),
    "zip without its ending": (lambda text: zipped(text), "prices.csv", ".zip"),
    "gzip without its ending": (lambda text: gzip.compress(text.encode()), "prices.csv", ".gz"),
    "gzip cut short": (lambda text: gzip.compress(text.encode())[:-200], "prices.csv.gz", "cut short"),
    "not gzip at all": (lambda text: text.encode(), "prices.csv.gz", "damaged"),
    "zip cut short": (lambda text: zipped(text)[:-200], "prices.csv.zip", "damaged"),
    "zip of something else": (lambda text: zipped(text, "notes.txt"), "prices.csv.zip", "notes.txt"),
    "zero bytes": (lambda text: b"date,symbol\0\0\0\0", "prices.csv", "not text"),
    "Parquet": (lambda text: b"PAR1" + bytes(100), "prices.csv", "Parquet"),
}


def zipped(text: str, member: str = "prices.csv") -> bytes:
    import io

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, text)
    return buffer.getvalue()


@pytest.mark.parametrize("case", BINARY_FAULTS)
def test_bytes_that_are_no_table_are_refused(folder: Path, good_prices: pd.DataFrame, case: str) -> None:
    spoil, name, expected = BINARY_FAULTS[case]
    (folder / name).write_bytes(spoil(good_prices.to_csv(index=False)))
    with pytest.raises(DataError, match=expected):
        load_prices()


MAINTENANCE_FAULTS = {
    "unknown failure": (cell(5, "Failure Type", "Gremlins"), ["line 7", "'Gremlins'", "Power Failure"]),
    "unknown quality": (cell(5, "Type", "X"), ["line 7", "'X'", "L, M, H"]),
    "Celsius": (cell(5, "Air temperature [K]", 25.0), ["line 7", "found 25", "K"]),
    "Target 2": (cell(5, "Target", 2), ["line 7", "'Target'", "found 2"]),
    "Target one half": (cell(5, "Target", 0.5), ["line 7", "'Target'", "0.5"]),
    "negative torque": (cell(5, "Torque [Nm]", -1), ["line 7", "Nm"]),
    "no label": (lambda f: f.drop(columns="Failure Type").to_csv(index=False), ["lacks the column 'Failure Type'"]),
    "UCI flag 2": (lambda f: as_uci(f).assign(TWF=2).to_csv(index=False), ["line 2", "'TWF'", "0 or 1"]),
}


@pytest.mark.parametrize("case", MAINTENANCE_FAULTS)
def test_a_faulty_maintenance_file_is_refused(folder: Path, good_maintenance: pd.DataFrame, case: str) -> None:
    spoil, expected = MAINTENANCE_FAULTS[case]
    (folder / "predictive_maintenance.csv").write_text(spoil(good_maintenance))
    with pytest.raises(DataError) as refusal:
        load_maintenance()
    for part in expected:
        assert part in str(refusal.value)


def test_a_wrong_file_under_the_right_name_is_called_so(
    folder: Path, good_prices: pd.DataFrame, good_maintenance: pd.DataFrame
) -> None:
    good_maintenance.to_csv(folder / "prices.csv", index=False)
    good_prices.to_csv(folder / "predictive_maintenance.csv", index=False)
    with pytest.raises(DataError, match="holds the maintenance data"):
        load_prices()
    with pytest.raises(DataError, match="holds the prices"):
        load_maintenance()


def test_a_folder_and_an_unreadable_file_are_refused(folder: Path, good_prices: pd.DataFrame) -> None:
    (folder / "prices.csv").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        load_prices()


@pytest.mark.skipif(os.name == "nt" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="root may read anything")
def test_an_unreadable_file_is_refused(folder: Path, good_prices: pd.DataFrame) -> None:
    write_prices(folder, good_prices).chmod(0)
    with pytest.raises(DataError, match="chmod"):
        load_prices()


def test_a_data_folder_that_is_not_there_is_an_error_not_a_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCODE_DATA_DIR", "/no/such/folder")
    with pytest.raises(LabcodeError, match="LABCODE_DATA_DIR names /no/such/folder"):
        load_prices()


# Where rows come from, and the parsed copy.


def test_without_a_file_the_stand_in_is_used_and_says_so(folder: Path) -> None:
    dataset = load_maintenance()
    assert dataset.provenance.simulated
    assert dataset.provenance.path is None
    assert any("simulated" in note for note in dataset.provenance.notes)


def test_the_quick_profile_is_always_simulated(
    folder: Path, good_maintenance: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    good_maintenance.to_csv(folder / "predictive_maintenance.csv", index=False)
    monkeypatch.setenv("LABCODE_PROFILE", "quick")
    assert load_maintenance().provenance.simulated


def test_a_download_is_used_where_there_is_no_file(
    folder: Path, good_maintenance: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    download = tmp_path / "ai4i2020.csv"
    as_uci(good_maintenance).to_csv(download, index=False)
    monkeypatch.setattr("labcode.data.fetch.downloaded", lambda name: download)
    assert load_maintenance().provenance.source == "download"
    good_maintenance.to_csv(folder / "predictive_maintenance.csv", index=False)
    assert load_maintenance().provenance.source == "file", "the user's own file wins"


def test_the_parsed_copy_gives_the_same_frame_without_parsing(
    folder: Path, good_prices: pd.DataFrame, own_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_prices(folder, good_prices)
    first = load_prices()
    monkeypatch.setattr("labcode.data.tables.read_strings", lambda *_: pytest.fail("parsed again"))
    second = load_prices()
    pd.testing.assert_frame_equal(first.frame, second.frame)
    assert first.provenance == second.provenance
    assert list(folder.iterdir()) == [folder / "prices.csv"], "nothing is written beside the user's file"
    assert list((own_store / "data").glob("*.parquet"))


def test_a_changed_file_drops_the_parsed_copy(folder: Path, good_prices: pd.DataFrame, own_store: Path) -> None:
    write_prices(folder, good_prices)
    load_prices()
    time.sleep(0.01)
    write_prices(folder, good_prices.assign(close=good_prices["low"]))
    frame = load_prices().frame
    np.testing.assert_array_equal(frame["close"], frame["low"])
    assert len(list((own_store / "data").iterdir())) == 1, "the old copy is gone"


def test_a_damaged_copy_is_made_anew(folder: Path, good_prices: pd.DataFrame, own_store: Path) -> None:
    write_prices(folder, good_prices)
    expected = load_prices().frame
    for copy in (own_store / "data").glob("*.parquet"):
        copy.write_bytes(copy.read_bytes()[:100])
    pd.testing.assert_frame_equal(load_prices().frame, expected)


def test_a_store_that_cannot_be_written_only_costs_time(
    folder: Path, good_prices: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("LABCODE_STORE_DIR", str(tmp_path / "file"))
    write_prices(folder, good_prices)
    with pytest.warns(UserWarning, match="could not be kept"):
        assert len(load_prices().frame) == 300


# The real files.


def test_the_real_files_hold_what_their_datasheet_says(real_data: Path) -> None:
    prices, maintenance = load_prices(), load_maintenance()
    assert maintenance.provenance.status == "verified copy"
    assert maintenance.frame["Failure Type"].value_counts().to_dict() == {
        "No Failure": 9652,
        "Heat Dissipation Failure": 112,
        "Power Failure": 95,
        "Overstrain Failure": 78,
        "Tool Wear Failure": 45,
        "Random Failures": 18,
    }
    assert list(maintenance.provenance.oddities.values())[:2] == [9, 18]
    assert prices.provenance.rows > 850_000
    assert prices.frame["date"].nunique() == 1762
    assert prices.frame["close"].mean() == pytest.approx(70.86, abs=0.05)


def test_ucis_real_file_gives_the_same_rows_as_kaggles(real_data: Path, folder: Path) -> None:
    frames = []
    for name in MAINTENANCE.filenames:
        (folder / name).symlink_to(real_data / name)
        assert find_file(MAINTENANCE) == folder / name
        frames.append(load_maintenance().frame)
        (folder / name).unlink()
    pd.testing.assert_frame_equal(*frames)
