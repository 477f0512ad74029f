"""The store: what comes back, what makes a key, and what damage, races and sudden death do to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labcode.errors import LabcodeError
from labcode.results import keys as digests
from labcode.results import store as store_module
from labcode.results.keys import WITHOUT_NUMBERS, code_digest, library_versions
from labcode.results.store import Result, Store, result_key

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


def test_a_result_comes_back_bit_for_bit() -> None:
    store, result = Store(), make()
    assert store.load(NAME, KEY) is None
    store.save(result)
    back = store.load(NAME, KEY)
    assert back is not None
    assert repr(back.scalars) == repr(result.scalars)
    assert repr(back.tables) == repr(result.tables)
    assert back.meta == result.meta
    assert list(back.arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert back.arrays[name].dtype == array.dtype
        assert back.arrays[name].tobytes() == array.tobytes()
    assert np.signbit(back.scalars["zero"]) and back.scalars["rmse"] == 0.1 + 0.2 and back.scalars["name"] == "nan"


def test_the_files_are_valid_json_and_npz_without_pickle() -> None:
    store = Store()
    store.save(make())
    assert {path.suffix for path in files(store)} == {".json", ".npz"}
    json.loads(files(store, "*.json")[0].read_text("utf-8"), parse_constant=lambda name: pytest.fail(name))
    with np.load(files(store, "*.npz")[0], allow_pickle=False) as arrays:
        assert len(arrays.files) == len(ARRAYS)


def test_a_table_is_a_frame_away() -> None:
    assert make().frame("seeds")["seed"].tolist() == [1, 2]
    with pytest.raises(LabcodeError, match="no table 'folds'; it has seeds"):
        make().frame("folds")


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"scalars": {"rmse": np.zeros(2)}}, r"scalars\['rmse'\] is array"),
        ({"tables": {"rows": [{"day": pd.Timestamp("2016-01-04")}]}}, r"tables\['rows'\]\[0\]\['day'\] is Timestamp"),
        ({"arrays": {"rows": np.array([{}])}}, "array 'rows' holds Python objects"),
    ],
)
def test_a_value_that_cannot_be_stored_is_named_at_once(part: dict[str, dict], expected: str) -> None:
    with pytest.raises(LabcodeError, match=expected):
        Result(**{"experiment": NAME, "key": KEY, "scalars": {}, **part})


def _json(store: Store) -> Path:
    return files(store, "*.json")[0]


def _npz(store: Store) -> Path:
    return files(store, "*.npz")[0]


def _change_a_digit(store: Store) -> None:
    text = _json(store).read_text("utf-8")
    assert "0.30000000000000004" in text
    _json(store).write_text(text.replace("0.30000000000000004", "0.20000000000000004"))


def _another_key_inside(store: Store) -> None:
    foreign = Result(experiment=NAME, key=f"f{KEY[1:]}", scalars={"rmse": 9.0})
    store.save(foreign)
    store.path(NAME, foreign.key).replace(store.path(NAME, KEY))


def _another_name_inside(store: Store) -> None:
    foreign = Result(experiment="regression/other", key=KEY, scalars={"rmse": 9.0})
    store.save(foreign)
    store.path(foreign.experiment, KEY).replace(store.path(NAME, KEY))


def _a_folder_in_its_place(store: Store) -> None:
    path = _json(store)
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Callable[[Store], object]] = {
    "empty": lambda store: _json(store).write_bytes(b""),
    "truncated": lambda store: _json(store).write_bytes(_json(store).read_bytes()[:-20]),
    "not json": lambda store: _json(store).write_bytes(b"\x80\x04pickle"),
    "a list": lambda store: _json(store).write_text("[1]"),
    "too deep": lambda store: _json(store).write_text("[" * 100_000),
    "no checksum": lambda store: _json(store).write_text('{"scalars": {}}'),
    "a digit changed": _change_a_digit,
    "another key": _another_key_inside,
    "another name": _another_name_inside,
    "a folder": _a_folder_in_its_place,
    "a dangling link": lambda store: (_json(store).unlink(), store.path(NAME, KEY).symlink_to("nowhere")),
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
    assert warning.count("\n") == 1
    assert f"{store.path(NAME, KEY)} cannot be used" in warning and "set-aside-1" in warning
    assert [path.name for path in files(store, "*.json.set-aside-1")] == [f"{KEY[:24]}.json.set-aside-1"]
    assert store.load(NAME, KEY) is None
    assert capsys.readouterr().err == "", "it is said once"
    store.save(make())
    assert store.load(NAME, KEY) is not None
    DAMAGE["truncated"](store)
    assert store.load(NAME, KEY) is None
    assert files(store, "*.json.set-aside-2"), "what was set aside before is not overwritten"


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
                patch.setattr(store_module.os, function, fail_late)
                store.save(new)
            back = store.load(NAME, KEY)
            assert back is not None and back.scalars["rmse"] == 1.0 and back.arrays.keys() == ARRAYS.keys()
            assert files(store, "*.tmp") == []
    store.save(new)
    back = store.load(NAME, KEY)
    assert back is not None and back.scalars["rmse"] == 2.0 and list(back.arrays) == ["curve"]


SAVE_UNTIL_KILLED = """
import sys, numpy as np
from pathlib import Path
from labcode.results.store import Result, Store
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
for step in range(10**9):
    arrays = {"x": np.random.default_rng(step).random(20_000)}
    store.save(Result(experiment="a/b", key="k" * 64, scalars={"step": step}, arrays=arrays))
"""


def test_kill_9_while_saving_leaves_a_whole_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, steps = Store(tmp_path), []
    for delay in (0.05, 0.083, 0.111, 0.149):
        process = python(SAVE_UNTIL_KILLED, str(tmp_path))
        assert process.stdout and process.stdout.readline() == "ready\n"
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        back = store.load("a/b", "k" * 64)
        if back is not None:
            steps.append(back.scalars["step"])
            np.testing.assert_array_equal(back.arrays["x"], np.random.default_rng(steps[-1]).random(20_000))
    assert steps and capsys.readouterr().err == ""


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


@dataclass(frozen=True)
class Spec:
    lr: float = 0.1
    seeds: tuple[int, ...] = (0, 1)


BASE = {"name": "a/b", "spec": Spec(), "fingerprint": {"rows": 3}, "code": "c", "versions": {"torch": "2.13.0"}}


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a/c"},
        {"spec": Spec(lr=np.nextafter(0.1, 1))},
        {"spec": Spec(lr=float("nan"))},
        {"spec": Spec(seeds=(1, 0))},
        {"fingerprint": {"rows": 4}},
        {"code": "d"},
        {"versions": {"torch": "2.13.1"}},
    ],
    ids=str,
)
def test_every_input_changes_the_key(change: dict[str, object]) -> None:
    assert result_key(**{**BASE, **change}) != result_key(**BASE)


def test_a_key_does_not_depend_on_the_order_of_mappings() -> None:
    one, other = {"torch": "1", "numpy": "2"}, {"numpy": "2", "torch": "1"}
    assert result_key(**{**BASE, "versions": one}) == result_key(**{**BASE, "versions": other})
    assert len(result_key(**BASE)) == 64


def test_versions_are_read_without_importing_the_libraries() -> None:
    code = (
        "import sys; from labcode.results.store import library_versions as v; "
        "print(*v()); sys.exit('torch' in sys.modules)"
    )
    process = python(code)
    assert process.communicate()[0].split() == ["torch", "scikit-learn", "imbalanced-learn", "numpy"]
    assert process.returncode == 0
    assert library_versions()["numpy"] == np.__version__


NUMERIC = '''
"""What it does."""
import math
from . import helper as h
from labcode.scoring import scores as metrics

__version__ = "1"
RATE = 0.1


def step(x: float) -> float:
    """Take a step."""
    # A comment.
    from fakelab.deep.late import SHIFT
    return x - RATE * h.slope(x) + SHIFT
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `fakelab` whose module `numeric` imports others at its top, relatively, and within a function."""
    folder = tmp_path / "fakelab"
    (folder / "deep").mkdir(parents=True)
    for name, text in {
        "__init__.py": "",
        "numeric.py": NUMERIC,
        "helper.py": "def slope(x):\n    return 2 * x\n",
        "deep/__init__.py": "",
        "deep/late.py": "from ..farther import SHIFT\n",
        "farther.py": "SHIFT = 3.0\n",
        "stranger.py": "NOBODY = 'imports this'\n",
    }.items():
        (folder / name).write_text(text)
    for name in [name for name in sys.modules if name.partition(".")[0] == "fakelab"]:
        monkeypatch.delitem(sys.modules, name)  # another test's package of that name
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("numeric.py", "RATE = 0.1", "RATE = 0.2"),
        ("numeric.py", "x - RATE", "x + RATE"),
        ("helper.py", "2 * x", "2.0 * x"),
        ("farther.py", "3.0", "3.1"),
        ("deep/__init__.py", "", "import math\nmath.pi = 3\n"),
    ],
)
def test_changed_numeric_source_changes_the_digest(package: Path, file: str, old: str, new: str) -> None:
    before = code_digest("fakelab.numeric")
    edit(package / file, old, new)
    assert code_digest("fakelab.numeric") != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("numeric.py", "# A comment.", "# Another one."),
        ("numeric.py", '"""Take a step."""', '"""Take a\n    longer step."""'),
        ("numeric.py", '"""What it does."""', ""),
        ("numeric.py", "x - RATE * h.slope(x)", "(x\n        - RATE*h.slope( x ))"),
        ("numeric.py", "(x: float) -> float", "(x)"),
        ("numeric.py", '__version__ = "1"', '__version__ = "2"'),
        ("stranger.py", "this", "that"),
    ],
)
def test_what_changes_no_number_does_not_change_the_digest(package: Path, file: str, old: str, new: str) -> None:
    before = code_digest("fakelab.numeric")
    edit(package / file, old, new)
    assert code_digest("fakelab.numeric") == before


def test_the_digest_follows_labcode_but_not_the_report(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path, *a, **k: (read.append(path.as_posix()), real(path, *a, **k))[1])
    imports = "".join(f"import {name}\n" for name in (*WITHOUT_NUMBERS, "labcode.book.plots"))
    (package / "helper.py").write_text(f"{imports}def slope(x):\n    return 2 * x\n")
    code_digest("fakelab.numeric")
    names = {path.split("/labcode/")[-1] for path in read}
    assert "scoring/scores.py" in names
    assert not [name for name in names if name.startswith(("book/", "results/")) or name in ("cli.py", "errors.py")]


def test_the_digest_imports_nothing_and_names_a_module_without_source(package: Path) -> None:
    (package / "helper.py").write_text("raise SystemExit('this ran')\n")
    code_digest("fakelab.numeric")
    with pytest.raises(LabcodeError, match=r"fakelab\.nothing was not found"):
        code_digest("fakelab.nothing")


@pytest.mark.parametrize("content", [None, "{", '{"x": 3}', "[]"])
def test_a_digest_does_not_depend_on_what_is_remembered_of_sources(
    own_store: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    monkeypatch.setattr(digests, "_essences", digests._Essences())
    memory, before = own_store / "essences.json", code_digest("labcode.nets.mlp")
    if content is None:
        assert "class MLP" in memory.read_text("utf-8")
    else:
        memory.write_text(content, "utf-8")
    monkeypatch.setattr(digests, "_essences", digests._Essences())  # as in a new process
    assert code_digest("labcode.nets.mlp") == before
