"""What computed the numbers: versions and hardware, for the reproducibility chapter and for `labcode doctor`."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

import pandas as pd

PACKAGES = ("torch", "scikit-learn", "skorch", "imbalanced-learn", "numpy", "pandas", "scipy", "matplotlib", "seaborn")


def versions() -> pd.DataFrame:
    """Versions of Python, the operating system and the packages that compute, and the processor, one row each."""
    from labcode import __version__, settings

    facts = {
        "labcode": __version__,
        "Python": platform.python_version(),
        "system": f"{platform.system()} on {platform.machine()}",
        "processor cores": str(os.cpu_count()),
        "profile": settings.profile(),
        **{name: version(name) for name in PACKAGES},
    }
    return pd.DataFrame({"": facts})
