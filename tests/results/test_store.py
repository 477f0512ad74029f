"""The store: what comes back, what makes a key, and what damage, races and sudden death do to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labcode.errors import LabcodeError
from labcode.results.store import Result, Store

ROOT = Path(__file__).resolve().parents[2]
NAME, KEY = "regression/sound", "0123456789abcdef" * 4
ARRAYS = {
    "curve": np.array([[0.1, np.nan], [np.inf, -0.0]], dtype=np.float32),
    "file": np.arange(3),
    "days": np.array(["2016-01-04"], dtype="datetime64[D]"),
    "symbols": np.array(["A", "BRK.B"]),
}


def make(scalar: float = 0.1 + 0.2, arrays: dict[str, np.ndarray] | None = None) -> Result:
    return Result(
        experiment=NAME,
        key=KEY,
        scalars={"rmse": scalar, "none": float("nan"), "low": -np.inf, "zero": -0.0, "n": np.int64(5), "name": "nan"},
        tables={"seeds": [{"seed": 1, "losses": (1.0, np.nan)}, {"seed": 2, "losses": None}]},
        arrays=ARRAYS if arrays is None else arrays,
        meta={"device": "cpu", "spec": {"hidden": (64, 32), "lr": 1e-3}},
    )


def files(store: Store, pattern: str = "*") -> list[Path]:
    return sorted(store.path(NAME, KEY).parent.glob(pattern))


def test_a_result_comes_back_bit_for_bit_from_json_and_npz_without_pickle() -> None:
    store, result = Store(), make()
    assert store.load(NAME, KEY) is None
    store.save(result)
    back = store.load(NAME, KEY)
    assert back is not None and back.meta == result.meta
    assert (repr(back.scalars), repr(back.tables)) == (repr(result.scalars), repr(result.tables))
    assert list(back.arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert (back.arrays[name].dtype, back.arrays[name].tobytes()) == (array.dtype, array.tobytes())
    assert np.signbit(back.scalars["zero"]) and back.scalars["rmse"] == 0.1 + 0.2 and back.scalars["name"] == "nan"
    assert back.frame("seeds")["seed"].tolist() == [1, 2]
    json.loads(_json(store).read_text("utf-8"), parse_constant=lambda name: pytest.fail(name))
    with np.load(_npz(store), allow_pickle=False) as arrays:
        assert len(arrays.files) == len(ARRAYS)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"scalars": {"rmse": np.zeros(2)}}, r"scalars\['rmse'\] is array"),
        ({"tables": {"rows": [{"day": pd.Timestamp("2016-01-04")}]}}, r"tables\['rows'\]\[0\]\['day'\] is Timestamp"),
        ({"arrays": {"rows": np.array([{}])}}, "array 'rows' holds Python objects"),
        ({}, "no table 'folds'; it has none"),
    ],
)
def test_what_cannot_be_stored_or_is_not_there_is_named_at_once(part: dict[str, dict], expected: str) -> None:
    with pytest.raises(LabcodeError, match=expected):
        Result(**{"experiment": NAME, "key": KEY, "scalars": {}, **part}).frame("folds")


def _json(store: Store) -> Path:
    return files(store, "*.json")[0]


def _npz(store: Store) -> Path:
    return files(store, "*.npz")[0]


def _change_a_digit(store: Store) -> None:
    text = _json(store).read_text("utf-8")
    assert "0.30000000000000004" in text
    _json(store).write_text(text.replace("0.30000000000000004", "0.20000000000000004"))


def _of_another(store: Store, name: str, key: str) -> None:
    store.save(Result(experiment=name, key=key, scalars={"rmse": 9.0}))
    store.path(name, key).replace(store.path(NAME, KEY))


DAMAGE: dict[str, Callable[[Store], object]] = {
    "empty": lambda store: _json(store).write_bytes(b""),
    "truncated": lambda store: _json(store).write_bytes(_json(store).read_bytes()[:-20]),
    "not json": lambda store: _json(store).write_bytes(b"\x80\x04pickle"),
    "a list": lambda store: _json(store).write_text("[1]"),
    "too deep": lambda store: _json(store).write_text("[" * 100_000),
    "no checksum": lambda store: _json(store).write_text('{"scalars": {}}'),
    "a digit changed": _change_a_digit,
    "another key": lambda store: _of_another(store, NAME, f"f{KEY[1:]}"),
    "another name": lambda store: _of_another(store, "regression/other", KEY),
    "a folder": lambda store: (_json(store).unlink(), store.path(NAME, KEY).mkdir()),
    "a pipe": lambda store: (_json(store).unlink(), os.mkfifo(store.path(NAME, KEY))),
    "a dangling link": lambda store: (_json(store).unlink(), store.path(NAME, KEY).symlink_to("nowhere")),
    "a link to itself": lambda store: (_json(store).unlink(), store.path(NAME, KEY).symlink_to(store.path(NAME, KEY))),
    "npz a pipe": lambda store: (path := _npz(store), path.unlink(), os.mkfifo(path)),
    "no npz": lambda store: _npz(store).unlink(),
    "npz truncated": lambda store: _npz(store).write_bytes(_npz(store).read_bytes()[:-1]),
    "npz of others": lambda store: np.savez_compressed(_npz(store), *[np.ones(3) for _ in ARRAYS]),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_noticed_set_aside_and_mended(damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store()
    store.save(make())
    DAMAGE[damage](store)
    assert store.load(NAME, KEY) is None
    warning = capsys.readouterr().err
    assert f"{store.path(NAME, KEY)} cannot be used" in warning and "set-aside-1" in warning
    assert [path.name for path in files(store, "*.json.set-aside-1")] == [f"{KEY[:24]}.json.set-aside-1"]
    assert store.load(NAME, KEY) is None
    assert (warning.count("\n"), capsys.readouterr().err) == (1, ""), "it is said once"
    for number in (2, 3):
        store.save(make())
        assert store.load(NAME, KEY) is not None
        DAMAGE["truncated"](store)
        assert store.load(NAME, KEY) is None
        assert files(store, f"*.json.set-aside-{number}"), "what was set aside before is not overwritten"


def test_an_interrupted_save_leaves_the_old_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail at each replace and each fsync in turn: the old result is still whole, and no temporary file stays."""
    store, old, new = Store(), make(1.0), make(2.0, {"curve": np.ones(4)})
    store.save(old)
    for function in ("fsync", "replace"):
        for survives in (0, 1):
            calls, real = [], getattr(os, function)

            def fail_late(*arguments: object, calls=calls, real=real, survives=survives) -> None:
                calls.append(arguments)
                if len(calls) > survives:
                    raise OSError(28, "No space left on device")
                real(*arguments)

            with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
                patch.setattr(os, function, fail_late)
                store.save(new)
            back = store.load(NAME, KEY)
            assert back is not None and back.scalars["rmse"] == 1.0 and back.arrays.keys() == ARRAYS.keys()
            assert files(store, "*.tmp") == []
    store.save(new)
    back = store.load(NAME, KEY)
    assert back is not None and back.scalars["rmse"] == 2.0 and list(back.arrays) == ["curve"]


def test_leftovers_of_the_dead_are_swept_under_the_lock() -> None:
    store = Store()
    store.save(make())
    folder, stem = store.path(NAME, KEY).parent, KEY[:24]
    (folder / f"{stem}.aa.tmp").touch()
    (folder / "other.bb.tmp").touch()
    (folder / "ancient.cc.tmp").touch()
    os.utime(folder / "ancient.cc.tmp", (0, 0))
    with store.lock(NAME, KEY):
        assert [path.name for path in files(store, "*.tmp")] == ["other.bb.tmp"], "another process may be writing it"
    assert store.load(NAME, KEY) is not None
    store.path(NAME, KEY).unlink()
    with store.lock(NAME, KEY):
        assert files(store, "*.npz") == [], "arrays that no result refers to"


HOLD = """
import sys, time
from pathlib import Path
from labcode.results.store import Store
with Store(Path(sys.argv[1])).lock("a/b", "k" * 64):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_ends_with_the_process_that_held_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holder = python(HOLD, str(tmp_path))
    assert holder.stdout and holder.stdout.readline() == "held\n"
    killer = subprocess.Popen(["sh", "-c", f"sleep 0.4; kill -9 {holder.pid}"])
    started = time.monotonic()
    with Store(tmp_path).lock("a/b", "k" * 64):
        waited = time.monotonic() - started
    assert 0.2 < waited < 20
    assert "a/b is being computed by another process; waiting" in capsys.readouterr().err
    killer.wait()
    holder.communicate()


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment, stdout=subprocess.PIPE, text=True
    )
