"""The chapter's results of the quick profile, loaded once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labcode.lab import load
from labcode.lab.verdicts import KINDS
from labcode.results.typed import Results


@pytest.fixture(scope="session")
def results(quick_results: Path) -> dict[type[Results], Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCODE_STORE_DIR", str(quick_results))
        patch.setenv("LABCODE_PROFILE", "quick")
        patch.delenv("LABCODE_DATA_DIR", raising=False)
        return {kind: load(kind) for name, kind in KINDS.items() if name.startswith("classification")}
