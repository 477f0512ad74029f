"""A new chapter from a template that renders at once, listed in ``_quarto.yml`` before the closing chapter."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import yaml

from labcode.book.edition import chapter_list
from labcode.errors import LabcodeError
from labcode.files import write_whole
from labcode.settings import project_root

TEMPLATE = Path(__file__).parent / "templates" / "chapter.qmd"
#: The chapter that stays last, and what stands before it when it is not there.
CLOSING = ("chapters/conclusion.qmd", "references.qmd")

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def new_chapter(name: str) -> Path:
    """Write ``chapters/<name>.qmd`` and list it in ``_quarto.yml``; comments and layout there stay as they are.

    Parameters
    ----------
    name
        Small letters, digits and single hyphens, a letter first, such as ``"drift"`` or ``"second-look"``.

    Raises
    ------
    LabcodeError
        If the name cannot be used or is taken, or `_quarto.yml` has no place for a chapter; then nothing is written.
    """
    root = project_root()
    _check_name(root, name)
    path, config = root / "chapters" / f"{name}.qmd", root / "_quarto.yml"
    listed = with_chapter(config.read_bytes().decode("utf-8"), f"chapters/{name}.qmd")
    text = TEMPLATE.read_text("utf-8").replace("NAME", name).replace("TITLE", name.replace("-", " ").capitalize())
    write_whole(path, text)
    write_whole(config, listed)
    return path


def _check_name(root: Path, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise LabcodeError(
            f"{name!r} is no name for a chapter; use small letters, digits and single hyphens, a letter first, "
            "such as second-look."
        )
    taken = {path.stem for folder in (root, root / "chapters") for path in folder.glob("*.qmd")}
    if name in taken:
        raise LabcodeError(f"There is a chapter {name!r} already; choose another name than {', '.join(sorted(taken))}.")


def with_chapter(config: str, file: str) -> str:
    """The text of ``_quarto.yml`` with one chapter more; every other line stays as it is.

    Raises
    ------
    LabcodeError
        If it does not list the closing chapter, or the references, in a line of their own.
    """
    for closing in CLOSING:
        entry = re.compile(rf"""^(\s*-\s+)["']?{re.escape(closing)}\b.*?(\r?\n|\Z)""", re.MULTILINE)
        changed = entry.sub(lambda line: f"{line[1]}{file}{line[2] or chr(10)}{line[0]}", config, count=1)
        if _follows(closing, file, changed):
            return changed
    raise LabcodeError(
        f"_quarto.yml lists neither {' nor '.join(CLOSING)} in a line of its own; list {file} there by hand."
    )


def _follows(closing: str, file: str, config: str) -> bool:
    """Whether a reader of YAML finds the closing chapter right after the file."""
    with suppress(yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError):
        files = chapter_list(yaml.safe_load(config)["book"]["chapters"])
        return files[files.index(file) + 1 :][:1] == [closing]
    return False
