"""What experiments there are, remembered in the store folder, so that finding a stored result imports none of them.

Experiment modules import scikit-learn and more, a second or two; their list changes only when their source does.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from labcode import settings
from labcode.files import keep
from labcode.results.keys import code_digest

#: What is remembered of an experiment.
Entry = dict[str, Any]
_FORMAT = 1


def remembered(modules: Sequence[str]) -> list[Entry] | None:
    """The experiments of these modules as remembered; ``None`` if their source has changed, or all are loaded."""
    if not modules or all(module in sys.modules for module in modules):
        return None
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(_file().read_text("utf-8"))
        if kept["address"] == _address(modules):
            return list(kept["experiments"])
    return None


def remember(modules: Sequence[str], experiments: Sequence[Entry]) -> None:
    """Remember the experiments of these modules; a folder that cannot be written only costs time."""
    keep(_file(), json.dumps({"address": _address(modules), "experiments": experiments}))


def _file() -> Path:
    return settings.store_dir() / "experiments.json"


def _address(modules: Sequence[str]) -> str:
    sources = [f"{module} {code_digest(module)}" for module in modules]
    with suppress(OSError):
        sources.append(hashlib.sha256((settings.project_root() / "lab.toml").read_bytes()).hexdigest())
    return hashlib.sha256("\n".join([f"{_FORMAT} {sys.version}", *sources]).encode()).hexdigest()
