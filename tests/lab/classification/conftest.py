"""The chapter's results of the quick profile, computed once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labcode.lab.classification.balancing_results import EqualAlarms
from labcode.lab.classification.ceiling_results import Ceiling
from labcode.lab.classification.decision_results import Decided
from labcode.lab.classification.faults_results import Leakage
from labcode.lab.classification.regularizing_results import HeldBack
from labcode.lab.classification.sound_results import Contest
from labcode.lab.classification.tuned_results import Tuned
from labcode.results import run
from labcode.results.typed import Results

KINDS = (EqualAlarms, Ceiling, Decided, Leakage, HeldBack, Contest, Tuned)


@pytest.fixture(scope="session")
def results(quick_results: Path) -> dict[type[Results], Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCODE_STORE_DIR", str(quick_results))
        patch.setenv("LABCODE_PROFILE", "quick")
        patch.delenv("LABCODE_DATA_DIR", raising=False)
        return {kind: run.load_typed(kind) for kind in KINDS}
