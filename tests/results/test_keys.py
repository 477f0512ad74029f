"""What a key is made of: the code as it was imported, libraries, device; and what changes no number changes none."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from labcode import sources
from labcode.errors import LabcodeError
from labcode.results import keys
from labcode.results.experiments import catalog
from labcode.results.keys import LIBRARIES, WITHOUT_NUMBERS, code_digest, library_versions
from labcode.results.store import result_key
from tests.results.conftest import Laboratory


@dataclass(frozen=True)
class Spec:
    lr: float = 0.1
    seeds: tuple[int, ...] = (0, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a/c"},
        {"spec": Spec(lr=float(np.nextafter(0.1, 1)))},
        {"spec": Spec(lr=float("nan"))},
        {"spec": Spec(seeds=(1, 0))},
        {"inputs": {"rows": 4}},
        {"code": "d"},
        {"versions": {"torch": "2.13.1", "numpy": "2"}},
        {"device": "cuda (NVIDIA H100)"},
    ],
    ids=str,
)
def test_every_input_changes_the_key_and_no_order_does(change: dict[str, object]) -> None:
    base: dict = {"name": "a/b", "spec": Spec(), "inputs": {"rows": 3}, "code": "c", "device": "cpu"}
    base["versions"] = {"torch": "2.13.0", "numpy": "2"}
    assert result_key(**{**base, **change}) != result_key(**base)
    assert result_key(**{**base, "versions": {"numpy": "2", "torch": "2.13.0"}}) == result_key(**base)


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("FACTOR * prices", "-FACTOR * prices", True),
        ("lr: float = 0.1", "lr: float = 0.2", True),
        ('over="dates"', 'over="rows"', True),
        ("Number(data", "Number(2 * data", True),
        ("FACTOR = 2.0", "FACTOR = 2.5", True),
        ("Number(FACTOR * prices", "Number(  # twice\n        FACTOR*prices", False),
        ('"""Do little."""', '"""Do even less."""', False),
        ('"""Experiments that note each time they run."""', '__version__ = "3"', False),
        ("spec: Spec, *,", "spec, *,", False),
        ('says="mean close", unit="USD"', 'says="mean", decimals=3, least=0', False),
    ],
)
def test_what_computes_a_number_and_nothing_else_changes_the_digest(
    lab: Laboratory, old: str, new: str, changes: bool
) -> None:
    before = code_digest("fakelab.numbers")
    lab.edit(old, new, "helper.py" if old.startswith("FACTOR =") else "numbers.py")
    assert (code_digest("fakelab.numbers") != before) is changes


def test_the_digest_follows_imports_wherever_they_stand_but_not_into_the_report(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    real = sources.source
    monkeypatch.setattr(keys.sources, "source", lambda name, **more: (read.append(name), real(name, **more))[1])
    (lab.package / "late.py").write_text("from ..fakelab import later\n")
    (lab.package / "later.py").write_text("SHIFT = 3.0\n")
    report = "".join(f"import {name}\n" for name in (*WITHOUT_NUMBERS, "labcode.book.plots"))
    lab.edit('    note("third")\n', '    note("third")\n    from .late import later\n')
    (lab.package / "helper.py").write_text(f"{report}raise SystemExit('this ran')\nFACTOR = 2.0\n")
    code_digest("fakelab.numbers")
    assert {"fakelab.helper", "fakelab.late", "fakelab.later", "labcode.scoring.scores"} <= set(read)
    assert not [name for name in read if name.startswith(("labcode.book", "labcode.results", "labcode.cli"))]
    with pytest.raises(LabcodeError, match=r"fakelab\.nothing was not found"):
        code_digest("fakelab.nothing")


def test_an_imported_module_counts_as_it_was_imported(lab: Laboratory) -> None:
    importlib.import_module("fakelab.numbers")
    before = code_digest("fakelab.numbers")
    lab.edit("2.0", "3.0", "helper.py")
    importlib.reload(sys.modules["fakelab.helper"])  # what took FACTOR from it still has the old one
    assert code_digest("fakelab.numbers") == before != code_digest("fakelab.numbers", on_disk=True)
    lab.restart()
    assert code_digest("fakelab.numbers") == code_digest("fakelab.numbers", on_disk=True)


EDITED = """
import sys
from pathlib import Path
import labcode.{first}
path = Path(sys.argv[1], "labcode/scoring/scores.py")
before = path.read_text()
path.write_text(before + "\\nCHANGED = 1.5\\n")
from labcode.results.keys import code_digest
print(code_digest("labcode.scoring.intervals"))
"""


def test_of_labcode_itself_everything_counts_as_it_was_imported(tmp_path: Path, copy_book: Callable) -> None:
    copy_book(tmp_path)
    digests = []
    for first in ("scoring.scores", "settings"):
        command = [sys.executable, "-c", EDITED.format(first=first), str(tmp_path)]
        original = (tmp_path / "labcode/scoring/scores.py").read_text()
        answer = subprocess.run(
            command, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
        )
        assert answer.returncode == 0, answer.stderr
        (tmp_path / "labcode/scoring/scores.py").write_text(original)
        digests.append(answer.stdout)
    assert digests[0].strip() == code_digest("labcode.scoring.intervals") != digests[1].strip()


def test_every_library_that_experiments_compute_with_is_in_the_key() -> None:
    harmless = {"matplotlib", "seaborn", "joblib", "threadpoolctl", "pandera", "pooch", "requests", "platformdirs"}
    harmless |= {"pyarrow", "filelock", "yaml", "rich", "tqdm", "kagglehub", "pydantic", "cloudpickle"}
    waiting, seen = [experiment.run.__module__ for experiment in catalog().values()], set[str]()
    while waiting:
        name = waiting.pop()
        found = sources.source(name) if name not in seen and name.startswith("labcode") else None
        seen.add(name)
        if found and not keys._without_numbers(name):
            waiting += keys.imports(found[1], name if found[0].name == "__init__.py" else name.rpartition(".")[0])
    roots = {name.partition(".")[0] for name in seen} - {"labcode", ""} - sys.stdlib_module_names - harmless
    names = {"sklearn": "scikit-learn", "imblearn": "imbalanced-learn"}
    assert {names.get(root, root) for root in roots} <= set(LIBRARIES)


def test_versions_and_device_are_those_here_and_no_library_is_imported_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    versions = library_versions()
    assert (versions["numpy"], versions["python"]) == (np.__version__, "{}.{}".format(*sys.version_info))
    code = "import sys; from labcode.results.keys import *; library_versions(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    monkeypatch.setattr("labcode.nets.processes.training_device", lambda: "cuda (H100)")
    for driver, expected in ((False, "cpu"), (True, "cuda (H100)")):
        monkeypatch.setattr(keys, "_has_gpu_driver", lambda driver=driver: driver)
        assert keys.device() == expected
    monkeypatch.setenv("LABCODE_DEVICE", "cpu")
    assert keys.device() == "cpu"
