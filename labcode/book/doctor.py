"""What is there, what is missing, and how to mend it: `labcode doctor` looks, and changes nothing.

Each check gives a finding. A check that fails itself is a fault, named as such, and the others go on.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import labcode
from labcode import settings
from labcode.book import edition
from labcode.book.render import MIN_QUARTO, find_quarto, quarto_path
from labcode.errors import LabcodeError

State = Literal["ok", "warning", "fault"]

_SECONDS = 60.0
_TIGHT, _FULL = 1e9, 1e8
_NEEDED = ("labcode", "ipykernel", "nbclient", "pandas", "torch")
_LACKS = "import importlib.util as u; print(*[n for n in {!r} if u.find_spec(n) is None])"
_DEVICE = """import torch
from labcode.nets.device import describe_device, pick_device
print(describe_device(pick_device()), torch.__version__, sep=", PyTorch ")"""


@dataclass(frozen=True)
class Finding:
    """What a check found: its state, the finding, and how to mend it if there is something to mend."""

    state: State
    found: str
    mend: str = ""
    check: str = ""


Check = Callable[[], Finding]


def examine(checks: Sequence[tuple[str, Check]] | None = None) -> list[Finding]:
    """Findings of all checks in their order; they run side by side."""
    checks = CHECKS if checks is None else checks
    with ThreadPoolExecutor(len(checks)) as pool:
        return list(pool.map(lambda named: _guarded(*named), checks))


def _guarded(name: str, check: Check) -> Finding:
    try:
        finding = check()
    except LabcodeError as error:
        finding = Finding("fault", str(error))
    except Exception as error:  # a doctor who faints helps nobody
        told = f"the check itself failed ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
        finding = Finding("fault", told, "Run `make setup`; if it stays, report it.")
    return replace(finding, check=name)


def _python() -> Finding:
    """Whether this Python is the one that the project's set-up made, and whether that is up to date."""
    from labcode import bootstrap

    found, root = f"{platform.python_version()}, {sys.executable}", settings.project_root()
    if not Path(labcode.__file__).resolve().is_relative_to(root):
        found += f", but labcode comes from {Path(labcode.__file__).parent}"
        return Finding("fault", found, f"Run `make setup` in {root}, then .venv/bin/labcode.")
    if Path(sys.prefix).resolve() != (root / ".venv").resolve():
        found += ": not the project's own environment in .venv"
        return Finding("warning", found, "Run `make setup`, then use .venv/bin/labcode.")
    if not bootstrap.STAMP.is_file() or bootstrap.STAMP.read_text() != bootstrap.wanted():
        return Finding("warning", f"{found}: .venv is unfinished, or older than requirements.lock", "Run `make setup`.")
    return Finding("ok", found)


def _quarto() -> Finding:
    wanted, path = ".".join(map(str, MIN_QUARTO)), quarto_path()
    mend = f"Install Quarto {wanted} or newer from https://quarto.org, or run `make report`, which tries PyPI's."
    instead = "; the portable engine renders"
    if path is None:
        return Finding("warning", f"not on PATH{instead}", mend)
    quarto = find_quarto(_SECONDS)
    if quarto is None:
        return Finding("fault", f"{path} is broken: it does not tell its version", mend)
    if not quarto.recent:
        return Finding("warning", f"{quarto} at {path} is too old (older than {wanted}){instead}", mend)
    return Finding("ok", f"{quarto}, {path}")


def _python_behind_quarto() -> Finding:
    if quarto_path() is None:
        return Finding("ok", "not needed: there is no Quarto")
    named = os.environ.get("QUARTO_PYTHON")
    python = shutil.which(named) if named else shutil.which("python3") or shutil.which("python")
    origin = "QUARTO_PYTHON" if named else "PATH"
    mend = f"Set QUARTO_PYTHON to {sys.executable}, or render with `labcode render`, which does that."
    state: State = "fault" if named else "warning"
    if python is None:
        return Finding(state, f"{origin} leads to no Python{f' ({named})' if named else ''}", mend)
    works, answer = _ask(python, _LACKS.format(_NEEDED))
    if not works or answer:
        return Finding(state, f"{python} (from {origin}) {'lacks' if works else 'does not run:'} {answer}", mend)
    return Finding("ok", f"{python} (from {origin})")


def _ask(python: str, code: str) -> tuple[bool, str]:
    """Whether another Python runs the code, and what it prints or says last."""
    options = {"cwd": settings.project_root(), "capture_output": True, "text": True, "timeout": _SECONDS}
    try:
        done = subprocess.run([python, "-c", code], check=False, **options)  # type: ignore[call-overload]
    except (OSError, subprocess.SubprocessError) as error:
        return False, str(error)
    lines = (done.stderr if done.returncode else done.stdout).strip().splitlines() or [""]
    return done.returncode == 0, lines[-1]


def _kernel() -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    wanted = str(edition.settings(settings.project_root()).get("jupyter", "python3"))
    mend = f"Run: {sys.executable} -m ipykernel install --sys-prefix --name {wanted}"
    try:
        command = KernelSpecManager().get_kernel_spec(wanted).argv[0]
    except NoSuchKernel:
        return Finding("fault", f"no Jupyter kernel is called {wanted!r}", mend)
    path = shutil.which(command)
    if path is None:
        return Finding("fault", f"{wanted} starts {command}, which is not there", mend)
    if Path(command).is_absolute() and Path(path).parent.resolve() != Path(sys.executable).parent.resolve():
        return Finding("warning", f"{wanted} starts another Python, {path}", mend)
    return Finding("ok", f"{wanted} starts this Python")


def _device() -> Finding:
    works, answer = _ask(sys.executable, _DEVICE)
    if not works:
        answer = answer.removeprefix("labcode.errors.LabcodeError: ")
        mend = "Set LABCODE_DEVICE to cpu, or unset it; if PyTorch is missing, run `make setup`."
        return Finding("fault", answer, mend)
    return Finding("ok", answer)


def _data() -> Finding:
    from labcode.results import run

    facts, refused = [], []
    for name in run.datasets():
        try:
            facts.append(run.rows(name).provenance)
        except LabcodeError as error:
            refused.append(str(error))
    found = "; ".join([*refused, *(f"{each.name}: {each.status}, {each.rows:,} rows" for each in facts)])
    if refused:
        return Finding("fault", found, "Mend or remove the file that is named.")
    if settings.profile() == "quick":
        return Finding("warning", f"{found} (profile quick)", "Unset LABCODE_PROFILE for the full rows.")
    if any(each.simulated for each in facts):
        unread = [sentence for each in facts for sentence in each.unread]
        mend = " ".join([*unread, "Run `labcode data fetch`, or put the files into data/raw."])
        return Finding("warning", found, mend)
    return Finding("ok", found)


def _results() -> Finding:
    from labcode.results import old as old_results
    from labcode.results import run

    found, there = run.survey(), old_results.stored()
    missing = [name for name, result in found.items() if result is None]
    old = [result for result in there if result.old]
    size = sum(result.size for result in there) / 1e6
    current = f"{len(found) - len(missing)} of {len(found)} results are current, {len(old)} lie under old keys"
    mend = ["`labcode run` computes what is missing or stale"] if missing else []
    mend += ["`labcode store prune` removes the old ones"] if old else []
    state: State = "warning" if missing else "ok"
    return Finding(state, f"{current}; {size:.1f} MB in {settings.store_dir() / 'results'}", "; ".join(mend))


def _writing() -> Finding:
    folders = [settings.project_root() / "_book", settings.store_dir()]
    barred = [str(folder) for folder in folders if not _writable(_nearest(folder))]
    if barred:
        mend = "Make it writable, or set LABCODE_STORE_DIR to a folder that is (for the store)."
        return Finding("fault", f"cannot write to {' and '.join(barred)}", mend)
    return Finding("ok", " and ".join(map(str, folders)))


def _nearest(path: Path) -> Path:
    """The folder itself, or the one in which it would be made."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _writable(folder: Path) -> bool:
    with suppress(OSError), tempfile.TemporaryFile(dir=folder):
        return True
    return False


def _space() -> Finding:
    folders = (_nearest(settings.store_dir()), settings.project_root())
    free, folder = min((shutil.disk_usage(folder).free, folder) for folder in folders)
    state: State = "fault" if free < _FULL else "warning" if free < _TIGHT else "ok"
    mend = "Make room, or set LABCODE_STORE_DIR to another disk; `labcode store prune` may help."
    return Finding(state, f"{free / 1e9:.1f} GB free at {folder}", "" if state == "ok" else mend)


CHECKS: tuple[tuple[str, Check], ...] = (
    ("Python", _python),
    ("Quarto", _quarto),
    ("Python behind Quarto", _python_behind_quarto),
    ("kernel", _kernel),
    ("device", _device),
    ("data", _data),
    ("results", _results),
    ("writing", _writing),
    ("space", _space),
)
