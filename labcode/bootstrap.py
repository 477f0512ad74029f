"""Set up the project's environment in .venv, from nothing or from whatever an interrupted set-up left behind.

Run it with any Python from 3.11 on: ``python labcode/bootstrap.py``. It uses the standard library alone, does nothing
when the environment is already right, and fails with one sentence.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "labcode-setup-done"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
# The PyPI package quarto-cli downloads Quarto from this host while it installs.
QUARTO_HOST = "github.com"


def main() -> int:
    """Set up, say what was done, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quarto", action="store_true", help="also look for Quarto, and install it where that can work"
    )
    asked = parser.parse_args()
    if sys.version_info < (3, 11):  # noqa: UP036 (an older Python meets this script first)
        return _fail(f"This is Python {sys.version.split()[0]}; the project needs 3.11 or newer. Run a newer python.")
    try:
        if not _is_current():
            _build()
        if asked.quarto:
            _quarto()
    except subprocess.CalledProcessError as error:
        return _fail(
            f"Set-up stopped: {' '.join(map(str, error.cmd[:6]))} … failed. Mend what it says, then run it again."
        )
    except OSError as error:
        return _fail(f"Set-up stopped: {error}. Make {ROOT} writable, with 3 GB free, then run it again.")
    return 0


def wanted() -> str:
    """What a finished environment must have been built from: the lock, the project's metadata, the Python version."""
    parts = [(ROOT / name).read_bytes() for name in ("requirements.lock", "pyproject.toml")]
    return hashlib.sha256(b"\0".join([*parts, sys.version.encode(), str(ROOT).encode()])).hexdigest()


def _is_current() -> bool:
    """The stamp is written last, so without it the environment is half-built; a moved one has a broken interpreter."""
    if not STAMP.is_file() or STAMP.read_text() != wanted() or not PYTHON.exists():
        return False
    return subprocess.run([PYTHON, "-c", ""], capture_output=True, check=False).returncode == 0


def _build() -> None:
    if VENV.exists():
        print("The environment in .venv is unfinished or out of date: building it anew.", flush=True)
        shutil.rmtree(VENV)
    print("Setting up .venv (a minute or two; PyTorch is large) …", flush=True)
    venv.create(VENV, with_pip=True)
    _pip("install", "-r", ROOT / "requirements.lock")
    _pip("install", "--no-deps", "-e", ROOT)
    STAMP.write_text(wanted())


def _pip(*arguments: object) -> None:
    command: list[str | Path] = [PYTHON, "-m", "pip", "--disable-pip-version-check", "-q", *map(str, arguments)]
    subprocess.run(command, check=True)


def _quarto() -> None:
    """Install Quarto from PyPI unless it is there; say so and go on where that cannot work."""
    if shutil.which("quarto") or shutil.which("quarto", path=str(BIN)):
        return
    try:
        socket.create_connection((QUARTO_HOST, 443), timeout=3).close()
        command: list[str | Path] = [
            PYTHON,
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            "quarto-cli>=1.9",
        ]
        subprocess.run(command, check=True, timeout=300, capture_output=True)
        # The package unpacks Quarto when it is first called.
        subprocess.run([BIN / "quarto", "--version"], check=True, timeout=300, capture_output=True)
    except (OSError, subprocess.SubprocessError):
        print("Quarto is not installed and cannot be downloaded here; the portable engine renders instead.", flush=True)


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
