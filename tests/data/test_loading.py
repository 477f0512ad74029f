"""Reading files: every good form is read alike, every fault is named with its line and column."""

from __future__ import annotations

import gzip
import io
import os
import random
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from labcode.book.doctor import CHECKS
from labcode.cli import app
from labcode.data.maintenance import MAINTENANCE, load_maintenance
from labcode.data.prices import PRICES, load_prices, untrustworthy
from labcode.data.schemas import MAINTENANCE_COLUMNS, PRICE_COLUMNS, UCI_FLAGS
from labcode.data.simulate import simulate_prices
from labcode.data.sources import find_file, load


def write_prices(folder: Path, frame: pd.DataFrame, name: str = "prices.csv", **options: object) -> Path:
    path = folder / name
    frame.to_csv(path, index=False, **options)  # type: ignore[call-overload]
    return path


def zipped(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, text)
        archive.writestr(f"__MACOSX/{name}", b"\0\5\x16\7")
        archive.writestr("nyse/fundamentals.csv", "a,b\n1,2\n")
    return buffer.getvalue()


def same_rows(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_categorical=False)


def test_a_plain_file_is_read_with_types_and_provenance(folder: Path, good_prices: pd.DataFrame) -> None:
    path = write_prices(folder, good_prices)
    frame, facts = load_prices().frame, load_prices().provenance
    assert list(frame.columns) == list(PRICE_COLUMNS) and str(frame["date"].dtype).startswith("datetime64")
    assert (frame.dtypes[2:] == "float64").all() and (frame["close"].to_numpy() == good_prices["close"]).all()
    assert (facts.source, facts.path, facts.rows, facts.status) == ("file", path, 300, "unverified copy")
    assert facts.partial and any("851,264" in note for note in facts.notes), "a part of the published file is called so"


def mixed_dates(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(date=frame["date"].where(frame.index % 2 == 0, frame["date"] + " 00:00:00"))


def written(form: str, last_day: int = 31) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Dates in a form; with ``last_day`` 12, any could be read with day and month exchanged."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        days = pd.to_datetime(frame["date"])
        return frame.assign(date=days.dt.strftime(form))[(days.dt.day <= last_day).to_numpy()]

    return change


@pytest.mark.parametrize(
    ("change", "options"),
    [
        pytest.param(mixed_dates, {}, id="mixed date forms"),
        pytest.param(written("%m/%d/%Y"), {}, id="month first"),
        pytest.param(written("%d/%m/%Y 00:00"), {}, id="day first, with midnight"),
        pytest.param(written("%m/%d/%Y", 12), {}, id="month first, no day above 12"),
        pytest.param(written("%d/%m/%Y", 12), {}, id="day first, no day above 12"),
        pytest.param(written("%Y-%d-%m"), {}, id="year, day, month"),
        pytest.param(written("%Y-%d-%m", 12), {}, id="year, day, month, no day above 12"),
        pytest.param(lambda f: f.assign(volume=f["volume"].astype("int64")), {}, id="whole-number volumes"),
        pytest.param(lambda f: f, {"encoding": "utf-8-sig"}, id="byte-order mark"),
        pytest.param(lambda f: f, {"lineterminator": "\r\n"}, id="CRLF"),
        pytest.param(lambda f: f, {"lineterminator": "\r"}, id="CR alone"),
        pytest.param(lambda f: f.sample(frac=1, random_state=1)[f.columns[::-1]], {}, id="another order"),
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
    write_prices(folder, changed := change(good_prices), **options)
    kept = expected.iloc[good_prices.index.get_indexer(changed.index)]
    same_rows(load_prices().frame, kept.reset_index(drop=True))


@pytest.mark.parametrize("name", ["prices.csv.gz", "prices.csv.zip", "archive.zip", "prices-split-adjusted.csv"])
def test_compressed_and_renamed_files_are_found(folder: Path, good_prices: pd.DataFrame, name: str) -> None:
    text = good_prices.to_csv(index=False)
    if name.endswith(".gz"):
        (folder / name).write_bytes(gzip.compress(text.encode()))
    elif name.endswith(".zip"):
        (folder / name).write_bytes(zipped("nyse/prices.csv", text))
    else:
        (folder / name).write_text(text)
    dataset = load_prices()
    assert dataset.provenance.path == folder / name
    assert len(dataset.frame) == 300
    assert any("split-adjusted" in note for note in dataset.provenance.notes) == ("split" in name)


def test_what_is_left_out_or_doubtful_is_noted(folder: Path, good_prices: pd.DataFrame) -> None:
    path = write_prices(folder, good_prices.assign(adjusted=1.0))
    path.write_text(path.read_text() + "\n\n")
    dataset = load_prices()
    assert dataset.frame.shape == (300, 7), "blank lines at the end are no rows"
    notes = " ".join(dataset.provenance.notes)
    assert "'adjusted'" in notes and "doubtful" not in notes
    path.write_text(path.read_text().rstrip()[:-2])
    assert any("its last row is doubtful" in note for note in load_prices().provenance.notes)


def test_odd_rows_are_counted_and_kept(folder: Path, good_prices: pd.DataFrame) -> None:
    odd = good_prices.reset_index(drop=True).copy()
    odd.loc[3, ["low", "high"]] = [20.0, 10.0]
    odd.loc[5, "close"] = odd.loc[5, "high"] + 1
    odd.loc[[7, 8], "volume"] = 0
    odd.loc[10, ["date", "symbol"]] = odd.loc[9, ["date", "symbol"]]
    write_prices(folder, odd)
    frame, facts = load_prices().frame, load_prices().provenance
    names = ("high below low", "close outside [low, high]", "repeated (date, symbol)", "zero volume")
    assert facts.oddities == dict(zip(names, (1, 2, 1, 2), strict=True)) and all(map(facts.rules.get, names))
    assert len(frame) == 300 and sorted(np.flatnonzero(untrustworthy(frame))) == [3, 5, 10]


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


def test_without_a_file_the_stand_in_is_used_and_says_so(folder: Path) -> None:
    (folder / "holiday.jpg").write_bytes(b"")
    facts = load_maintenance().provenance
    assert facts.simulated
    assert facts.path is None
    assert any("simulated" in note for note in facts.notes)
    assert not facts.unread


@pytest.mark.parametrize(
    "name",
    ["Prices.csv", "prices (1).csv", "prices.csv.csv", "prices.xlsx", "prices.csv.crdownload", "price.csv",
     "Copy of prices - 2.csv", "nyse/prices.csv", "archive (1).zip", "archive.zip"],
)  # fmt: skip
def test_a_file_beside_the_expected_name_is_named_before_rows_are_simulated(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(zipped("prices.csv", "") if name == "archive (1).zip" else b"damaged")
    spec = replace(PRICES, simulate=lambda small: simulate_prices(2))
    facts = load(spec).provenance
    assert facts.simulated
    assert len(facts.unread) == 1
    assert name in facts.unread[0]
    (folder / name).unlink()
    assert load(spec).provenance == facts, "what else lies in a folder is no fact about the rows"


def test_status_and_doctor_name_such_files(folder: Path) -> None:
    (folder / "AI4I 2020.csv").touch()
    done = CliRunner().invoke(app, ["data", "status"])
    assert done.exit_code == 0
    finding = dict(CHECKS)["data"]()
    assert finding.state == "warning"
    for text in (done.stdout, finding.mend):
        assert "AI4I 2020.csv' is not read: it would be read as CSV under the name" in text


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
    monkeypatch.setattr("labcode.data.fetch.DataSource.downloaded", lambda source: download)
    assert load_maintenance().provenance.source == "download"
    good_maintenance.to_csv(folder / "predictive_maintenance.csv", index=False)
    assert load_maintenance().provenance.source == "file", "the user's own file wins"


def test_the_parsed_copy_gives_the_same_frame_without_parsing_until_the_file_changes(
    folder: Path, good_prices: pd.DataFrame, own_store: Path
) -> None:
    write_prices(folder, good_prices)
    first = load_prices()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("labcode.data.tables.read_cells", lambda *_: pytest.fail("parsed again"))
        second = load_prices()
    pd.testing.assert_frame_equal(first.frame, second.frame)
    assert first.provenance == second.provenance
    write_prices(folder, good_prices.assign(close=good_prices["low"]))
    frame = load_prices().frame
    assert (frame["close"] == frame["low"]).all()
    assert len(list((own_store / "data").iterdir())) == 1, "the old copy is gone"
    assert list(folder.iterdir()) == [folder / "prices.csv"], "nothing is written beside the user's file"


def test_one_bit_of_the_copy_or_of_its_source_is_noticed(
    folder: Path, good_prices: pd.DataFrame, own_store: Path
) -> None:
    source = write_prices(folder, good_prices)
    expected = load_prices()
    copy = next((own_store / "data").glob("*.parquet"))
    content = copy.read_bytes()
    for place in random.Random(0).sample(range(8 * len(content)), 2):
        copy.write_bytes(flipped(content, place))
        pd.testing.assert_frame_equal(load_prices().frame, expected.frame)
        assert copy.read_bytes() == content, "made anew"
    copy.unlink()
    os.mkfifo(copy)
    pd.testing.assert_frame_equal(load_prices().frame, expected.frame)
    assert copy.read_bytes() == content, "a pipe is not waited for"
    facts, text = source.stat(), source.read_bytes()
    source.write_bytes(flipped(text, 8 * text.rindex(b".0") - 8))  # a digit of the last volume
    os.utime(source, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert load_prices().frame["volume"].iloc[-1] != expected.frame["volume"].iloc[-1]


def flipped(content: bytes, bit: int) -> bytes:
    return content[: bit // 8] + bytes([content[bit // 8] ^ 1 << bit % 8]) + content[bit // 8 + 1 :]


def test_a_store_that_cannot_be_written_only_costs_time(
    folder: Path, good_prices: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("LABCODE_STORE_DIR", str(tmp_path / "file"))
    write_prices(folder, good_prices)
    with pytest.warns(UserWarning, match="could not be kept"):
        assert len(load_prices().frame) == 300


def test_the_real_files_hold_what_their_datasheet_says(real_data: Path) -> None:
    prices, maintenance = load_prices(), load_maintenance()
    assert maintenance.provenance.status == "verified copy"
    assert sorted(maintenance.frame["Failure Type"].value_counts()) == [18, 45, 78, 95, 112, 9652]
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
