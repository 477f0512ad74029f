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
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import labcode
from labcode import settings
from labcode.book.render import MIN_QUARTO, find_quarto, quarto_path
from labcode.errors import LabcodeError

State = Literal["ok", "warning", "fault"]

_SECONDS = 20.0
_MEGABYTE = 1e6
_TIGHT, _FULL = 1e9, 1e8
_NEEDED = ("labcode", "ipykernel", "nbclient", "pandas", "torch")
_LACKS = "import importlib.util as u; print(*[n for n in {!r} if u.find_spec(n) is None])"
_DEVICE = """import torch
from labcode.nets.device import describe_device, pick_device
print(describe_device(pick_device()), torch.__version__, sep=", PyTorch ")"""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check found: its state, the finding, and how to mend it if there is something to mend."""

    check: str
    state: State
    found: str
    mend: str = ""


Check = Callable[[], Finding]


def examine(checks: Sequence[tuple[str, Check]] | None = None) -> list[Finding]:
    """Findings of all checks in their order; they run side by side."""
    checks = CHECKS if checks is None else checks
    with ThreadPoolExecutor(len(checks)) as pool:
        return list(pool.map(lambda named: _guarded(*named), checks))


def _guarded(name: str, check: Check) -> Finding:
    try:
        return check()
    except LabcodeError as error:
        return Finding(check=name, state="fault", found=str(error))
    except Exception as error:  # a doctor who faints helps nobody
        found = f"the check itself failed ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
        return Finding(check=name, state="fault", found=found, mend="Run `make setup`; if it stays, report it.")


def _python() -> Finding:
    name, version = "Python", platform.python_version()
    found = f"{version}, {sys.executable}"
    if sys.version_info < (3, 11):  # noqa: UP036 (an environment made by hand may be older)
        return Finding(check=name, state="fault", found=found, mend="Run `make setup` with Python 3.11 or newer.")
    root = settings.project_root()
    if not Path(labcode.__file__).resolve().is_relative_to(root):
        found += f", but labcode comes from {Path(labcode.__file__).parent}"
        return Finding(
            check=name, state="fault", found=found, mend=f"Run `make setup` in {root}, then .venv/bin/labcode."
        )
    return _environment(name, found, root)


def _environment(name: str, found: str, root: Path) -> Finding:
    """Whether this Python is the one that the project's set-up made, and whether that is up to date."""
    from labcode import bootstrap

    if Path(sys.prefix).resolve() != (root / ".venv").resolve():
        return Finding(
            check=name,
            state="warning",
            found=f"{found}: not the project's own environment in .venv",
            mend="Run `make setup`, then use .venv/bin/labcode.",
        )
    if not bootstrap.STAMP.is_file() or bootstrap.STAMP.read_text() != bootstrap.wanted():
        return Finding(
            check=name,
            state="warning",
            found=f"{found}: .venv is unfinished, or older than requirements.lock",
            mend="Run `make setup`.",
        )
    return Finding(check=name, state="ok", found=found)


def _quarto() -> Finding:
    name, wanted = "Quarto", ".".join(map(str, MIN_QUARTO))
    mend = f"Install Quarto {wanted} or newer from https://quarto.org, or run `make report`, which tries PyPI's."
    instead = "; the portable engine renders"
    path = quarto_path()
    if path is None:
        return Finding(check=name, state="warning", found=f"not on PATH{instead}", mend=mend)
    quarto = find_quarto(_SECONDS)
    if quarto is None:
        return Finding(check=name, state="fault", found=f"{path} is broken: it does not tell its version", mend=mend)
    if not quarto.recent:
        found = f"{quarto} at {path} is too old (older than {wanted}){instead}"
        return Finding(check=name, state="warning", found=found, mend=mend)
    return Finding(check=name, state="ok", found=f"{quarto}, {path}")


def _python_behind_quarto() -> Finding:
    name = "Python behind Quarto"
    if quarto_path() is None:
        return Finding(check=name, state="ok", found="not needed: there is no Quarto")
    named = os.environ.get("QUARTO_PYTHON")
    python = shutil.which(named) if named else shutil.which("python3") or shutil.which("python")
    origin = "QUARTO_PYTHON" if named else "PATH"
    mend = f"Set QUARTO_PYTHON to {sys.executable}, or render with `labcode render`, which does that."
    state: State = "fault" if named else "warning"
    if python is None:
        found = f"{origin} leads to no Python{f' ({named})' if named else ''}"
        return Finding(check=name, state=state, found=found, mend=mend)
    works, answer = _ask(python, _LACKS.format(_NEEDED))
    if not works or answer:
        found = f"{python} (from {origin}) {'lacks' if works else 'does not run:'} {answer}"
        return Finding(check=name, state=state, found=found, mend=mend)
    return Finding(check=name, state="ok", found=f"{python} (from {origin})")


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
    import yaml
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    asked = yaml.safe_load((settings.project_root() / "_quarto.yml").read_text("utf-8")).get("jupyter", "python3")
    wanted = str(asked)
    mend = f"Run: {sys.executable} -m ipykernel install --sys-prefix --name {wanted}"
    try:
        command = KernelSpecManager().get_kernel_spec(wanted).argv[0]
    except NoSuchKernel:
        return Finding(check="kernel", state="fault", found=f"no Jupyter kernel is called {wanted!r}", mend=mend)
    path = shutil.which(command)
    if path is None:
        return Finding(check="kernel", state="fault", found=f"{wanted} starts {command}, which is not there", mend=mend)
    if Path(command).is_absolute() and Path(path).parent.resolve() != Path(sys.executable).parent.resolve():
        found = f"{wanted} starts another Python, {path}"
        return Finding(check="kernel", state="warning", found=found, mend=mend)
    return Finding(check="kernel", state="ok", found=f"{wanted} starts this Python")


def _device() -> Finding:
    works, answer = _ask(sys.executable, _DEVICE)
    if not works:
        answer = answer.removeprefix("labcode.errors.LabcodeError: ")
        mend = "Set LABCODE_DEVICE to cpu, or unset it; if PyTorch is missing, run `make setup`."
        return Finding(check="device", state="fault", found=answer, mend=mend)
    return Finding(check="device", state="ok", found=answer)


def _data() -> Finding:
    from labcode.results import run

    facts, refused = [], []
    for name in run.DATASETS:
        try:
            facts.append(run.rows_of(name).provenance)
        except LabcodeError as error:
            refused.append(str(error))
    found = "; ".join([*refused, *(f"{each.name}: {each.status}, {each.rows:,} rows" for each in facts)])
    if refused:
        return Finding(check="data", state="fault", found=found, mend="Mend or remove the file that is named.")
    if settings.profile() == "quick":
        return Finding(
            check="data",
            state="warning",
            found=f"{found} (profile quick)",
            mend="Unset LABCODE_PROFILE for the full rows.",
        )
    if any(each.simulated for each in facts):
        unread = [sentence for each in facts for sentence in each.unread]
        mend = " ".join([*unread, "Run `labcode data fetch`, or put the files into data/raw."])
        return Finding(check="data", state="warning", found=found, mend=mend)
    return Finding(check="data", state="ok", found=found)


def _results() -> Finding:
    from labcode.results import old as old_results
    from labcode.results import run as catalog

    found, there = catalog.survey(), old_results.stored()
    missing = [name for name, result in found.items() if result is None]
    old = [result for result in there if result.old]
    size = sum(result.size for result in there) / _MEGABYTE
    parts = [f"{len(found) - len(missing)} of {len(found)} results are current"]
    if missing:
        older = {result.experiment for result in there}
        stale = [name for name in missing if name in older]
        parts.append(f"{len(stale)} are stale, {len(missing) - len(stale)} were never computed")
    parts.append(f"{len(old)} lie under old keys" if old else "none lie under old keys")
    told = f"{', '.join(parts)}; {size:.1f} MB in {settings.store_dir() / 'results'}"
    mend = [*(["`labcode run` computes what is missing"] if missing else [])]
    mend += ["`labcode store prune` removes the old ones"] if old else []
    return Finding(check="results", state="warning" if missing else "ok", found=told, mend="; ".join(mend))


def _writing() -> Finding:
    folders = [settings.project_root() / "_book", settings.store_dir()]
    barred = [str(folder) for folder in folders if not _writable(_nearest(folder))]
    if barred:
        mend = "Make it writable, or set LABCODE_STORE_DIR to a folder that is (for the store)."
        return Finding(check="writing", state="fault", found=f"cannot write to {' and '.join(barred)}", mend=mend)
    return Finding(check="writing", state="ok", found=" and ".join(map(str, folders)))


def _nearest(path: Path) -> Path:
    """The folder itself, or the one in which it would be made."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _space() -> Finding:
    folders = {
        folder: shutil.disk_usage(folder).free for folder in (_nearest(settings.store_dir()), settings.project_root())
    }
    folder, free = min(folders.items(), key=lambda item: item[1])
    state: State = "fault" if free < _FULL else "warning" if free < _TIGHT else "ok"
    mend = (
        "" if state == "ok" else "Make room, or set LABCODE_STORE_DIR to another disk; `labcode store prune` may help."
    )
    return Finding(check="space", state=state, found=f"{free / 1e9:.1f} GB free at {folder}", mend=mend)


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
