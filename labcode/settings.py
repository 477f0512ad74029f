"""What the environment says: where data and results lie, and how much work to do.

Every environment variable that labcode reads is read here, and only here. Nothing is cached, so a test or a notebook
can change a variable and see the change.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, cast, get_args

import yaml
from platformdirs import user_cache_path

from labcode.errors import LabcodeError, quoted

Profile = Literal["full", "quick"]

#: The seed from which every other seed is derived. It is also the seed of the original's train-test split.
SEED = 42
_LAB = "labcode.lab"


def project_root() -> Path:
    """Folder that holds ``_quarto.yml``: the first one upwards from here or from the working directory.

    `LabcodeError` if there is none, as when an installed ``labcode`` is called outside the project.
    """
    try:
        here = Path.cwd()
    except OSError as error:
        raise LabcodeError(f"The working folder is gone ({error.strerror}); change to one that exists.") from None
    for start in (here, Path(__file__).parent):
        for folder in (start, *start.parents):
            if (folder / "_quarto.yml").is_file():
                return folder
    raise LabcodeError(f"No _quarto.yml was found in {here} or above it; run labcode inside a clone of the project.")


def lab_package() -> str:
    """Package whose modules hold the experiments: ``package`` under ``lab`` in ``_quarto.yml``, else `labcode.lab`."""
    try:
        lab = (yaml.safe_load((project_root() / "_quarto.yml").read_text("utf-8")) or {}).get("lab") or {}
        return str(lab.get("package") or _LAB)
    except (LabcodeError, OSError, ValueError, AttributeError, yaml.YAMLError):
        return _LAB  # what is wrong with the file, a render says


def _absolute(named: str) -> Path:
    """The path from the root; links are not followed, so that one that loops is an error only where it is used."""
    return Path(os.path.abspath(os.path.expanduser(named)))


def data_dirs() -> list[Path]:
    """Folders searched for the user's data files, in order: ``LABCODE_DATA_DIR``, then ``data/raw``."""
    named = os.environ.get("LABCODE_DATA_DIR")
    folders = [project_root() / "data" / "raw"]
    if named:
        try:
            given = Path(named).expanduser().resolve(strict=True)
            os.listdir(given)
        except (OSError, RuntimeError, ValueError) as error:
            raise LabcodeError(
                f"LABCODE_DATA_DIR names {quoted(named, 300)}, which is not a folder that can be read "
                f"({getattr(error, 'strerror', None) or error}); set it to the folder that holds the data, or unset it "
                "to use data/raw."
            ) from None
        folders.insert(0, given)
    return folders


def store_dir() -> Path:
    """Folder for everything computed or downloaded: ``LABCODE_STORE_DIR``, else the user's cache folder."""
    named = os.environ.get("LABCODE_STORE_DIR")
    return _absolute(named) if named else user_cache_path("labcode")


def profile() -> Profile:
    """``full`` (the default) or ``quick``: small simulated data and one seed, from ``LABCODE_PROFILE``."""
    value = os.environ.get("LABCODE_PROFILE", "full")
    if value not in get_args(Profile):
        raise LabcodeError(f"LABCODE_PROFILE is {quoted(value)}, but it must be 'full' or 'quick'.")
    return cast(Profile, value)


def device_name() -> str | None:
    """Torch device named by ``LABCODE_DEVICE``, such as ``"cpu"`` or ``"cuda"``; ``None`` where it is unset."""
    return os.environ.get("LABCODE_DEVICE") or None
