"""What computed the numbers: versions and hardware, for the reproducibility chapter and for `labcode doctor`."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

import pandas as pd

from labcode import __version__, settings
from labcode.book.text import marked
from labcode.results import run as catalog

PACKAGES = ("torch", "scikit-learn", "skorch", "imbalanced-learn", "numpy", "pandas", "scipy", "matplotlib", "seaborn")


def versions() -> pd.DataFrame:
    """Versions of Python, the operating system and the packages that compute, and the processor, one row each."""
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
    found = [result for result in catalog.survey().values() if result is not None]
    return pd.DataFrame(
        {
            "experiment": [marked(f"`{result.experiment}`") for result in found],
            "device": [str(result.meta["device"]) for result in found],
            "seconds": [float(str(result.meta["seconds"])) for result in found],
            "key": [marked(f"`{result.key[:12]}`") for result in found],
        }
    )
