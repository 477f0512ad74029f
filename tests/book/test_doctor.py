"""The doctor: each fault is found and named with its mend, and no check can bring it down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from labcode.book import doctor
from labcode.book.doctor import CHECKS, Finding, examine
from labcode.errors import LabcodeError
from labcode.settings import project_root


def finding(name: str) -> Finding:
    """What one check says, run as the doctor runs it."""
    return examine([(each, check) for each, check in CHECKS if each == name])[0]


def script(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_check_that_fails_is_a_fault_and_the_others_go_on() -> None:
    def faints() -> Finding:
        raise ZeroDivisionError("nothing\nto see")

    def refuses() -> Finding:
        raise LabcodeError("The file is broken; mend it.")

    first, second, third = examine([("a", faints), ("b", refuses), ("c", lambda: Finding("ok", "fine"))])
    assert (first.check, first.state) == ("a", "fault") and first.mend
    assert "ZeroDivisionError: nothing to see" in first.found
    assert (second.state, second.found) == ("fault", "The file is broken; mend it.")
    assert third.state == "ok"


@pytest.mark.parametrize(
    ("quarto", "state", "expected"),
    [
        (None, "warning", "not on PATH; the portable engine renders"),
        ("echo 1.8.27", "warning", "too old"),
        ("echo 1.9.38", "ok", "Quarto 1.9.38"),
        ("exit 3", "fault", "broken"),
        ("sleep 9", "fault", "broken"),
    ],
)
def test_quarto_absent_old_or_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quarto: str | None, state: str, expected: str
) -> None:
    monkeypatch.setattr(doctor, "_SECONDS", 2.0)
    monkeypatch.setattr("labcode.book.render.sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin" if quarto else str(tmp_path))
    if quarto:
        script(tmp_path, "quarto", quarto)
    found = finding("Quarto")
    assert (found.state, expected in found.found) == (state, True), found
    assert bool(found.mend) == (state != "ok")


@pytest.mark.parametrize(
    ("named", "python", "state", "expected"),
    [
        (True, "echo labcode torch", "fault", "lacks labcode torch"),
        (True, "echo 'SyntaxError: old' >&2; exit 1", "fault", "does not run: SyntaxError: old"),
        (True, None, "fault", "leads to no Python"),
        (True, f"exec {sys.executable} \"$@\"", "ok", "from QUARTO_PYTHON"),
        (False, "echo labcode", "warning", "lacks labcode"),
    ],
)  # fmt: skip
def test_the_python_behind_quarto(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool, python: str | None, state: str, expected: str
) -> None:
    script(tmp_path, "quarto", "echo 1.9.38")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    path = script(tmp_path, "python3", python) if python else tmp_path / "nowhere"
    monkeypatch.setenv("QUARTO_PYTHON", str(path) if named else "")
    found = finding("Python behind Quarto")
    assert (found.state, expected in found.found) == (state, True), found
    assert ("QUARTO_PYTHON" in found.mend) == (state != "ok")


def test_a_kernel_that_is_not_there_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert finding("kernel").state in ("ok", "warning")
    (tmp_path / "_quarto.yml").write_text("jupyter: no-such-kernel\n")
    monkeypatch.chdir(tmp_path)
    found = finding("kernel")
    assert (found.state, "no-such-kernel" in found.found, "ipykernel install" in found.mend) == ("fault", True, True)


def test_refused_simulated_and_quick_rows_and_missing_results(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCODE_PROFILE", "quick")
    assert (finding("data").state, "quick" in finding("data").found) == ("warning", True)
    found = finding("results")
    assert found.state == "warning" and found.found.startswith("0 of ") and "labcode run" in found.mend
    monkeypatch.delenv("LABCODE_PROFILE")
    (folder / "prices.csv").write_text("a,b\n1,2\n")
    found = finding("data")
    assert (found.state, "lacks the column 'date'" in found.found) == ("fault", True)
    assert "maintenance: simulated stand-in" in found.found, "the other data set is still reported"


def test_a_store_that_cannot_be_written_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LABCODE_STORE_DIR", str(tmp_path / "file" / "store"))
    found = finding("writing")
    assert (found.state, str(tmp_path / "file" / "store") in found.found) == ("fault", True)
    assert "_book" not in found.found


@pytest.mark.parametrize(("free", "state"), [(5e9, "ok"), (5e8, "warning"), (5e7, "fault")])
def test_space(monkeypatch: pytest.MonkeyPatch, free: float, state: str) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": free}))
    assert finding("space").state == state


def test_the_command_line_exits_with_1_where_there_is_a_fault(own_store: Path) -> None:
    command = [sys.executable, "-m", "labcode.cli", "doctor", "--json"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(project_root()),
        "LABCODE_PROFILE": "quick",
        "LABCODE_DEVICE": "abacus",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    findings = {each["check"]: each for each in json.loads(done.stdout)}
    assert list(findings) == [name for name, _ in CHECKS]
    assert findings["device"]["state"] == "fault" and "abacus" in findings["device"]["found"]
    assert (done.returncode, done.stderr) == (1, "")
    assert not list(own_store.glob("results/*")), "the doctor computes nothing"
