"""What computed the numbers (versions and hardware), and the numbers themselves as a file."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

from labcode import __version__, settings
from labcode.book.text import marked

if TYPE_CHECKING:
    import pandas as pd

    from labcode.results.store import Result

#: Name of the file with the numbers beside the pages.
RESULTS = "results.json"
PACKAGES = ("torch", "scikit-learn", "skorch", "imbalanced-learn", "numpy", "pandas", "scipy", "matplotlib", "seaborn")


def versions() -> pd.DataFrame:
    """Versions of Python, the operating system and the packages that compute, and the processor, one row each."""
    import pandas as pd

    facts = {
        "labcode": __version__,
        "Python": platform.python_version(),
        "system": f"{platform.system()} on {platform.machine()}",
        "processor cores": str(os.cpu_count()),
        "profile": settings.profile(),
        **{name: version(name) for name in PACKAGES},
    }
    return pd.DataFrame({"": facts})


def results() -> pd.DataFrame:
    """The stored results: experiment, device, seconds, and the beginning of the key."""
    import pandas as pd

    from labcode.results import run

    found = [result for result in run.survey().values() if result is not None]
    return pd.DataFrame(
        {
            "experiment": [marked(f"`{result.experiment}`") for result in found],
            "device": [str(result.meta["device"]) for result in found],
            "seconds": [float(str(result.meta["seconds"])) for result in found],
            "key": [marked(f"`{result.key[:12]}`") for result in found],
        }
    )


def results_text(results: Mapping[str, Result | None] | None = None) -> str:
    """The scalars of results, of all that are stored by default, as JSON: NaN and infinity, which it lacks, are null.

    The text is ``{"experiment/name": {"metric": value}}``.
    """
    from labcode.results import run

    found = run.survey() if results is None else results
    scalars = {name: _finite(result.scalars) for name, result in found.items() if result is not None}
    return json.dumps(scalars, indent=2, allow_nan=False) + "\n"


def _finite(values: Mapping[str, float | int | str]) -> dict[str, float | int | str | None]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()
    }
