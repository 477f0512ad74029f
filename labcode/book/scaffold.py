"""A new chapter from a template that renders at once, listed in ``_quarto.yml`` before the closing chapter."""

from __future__ import annotations

import re
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

    Returns
    -------
    Path
        The new file.

    Raises
    ------
    LabcodeError
        If the name cannot be used or is taken, or `_quarto.yml` has no place for a chapter; then nothing is written.
    """
    root = project_root()
    _check_name(root, name)
    path, config = root / "chapters" / f"{name}.qmd", root / "_quarto.yml"
    listed = with_chapter(config.read_bytes().decode("utf-8"), f"chapters/{name}.qmd")
    title = name.replace("-", " ").capitalize()
    text = TEMPLATE.read_text(encoding="utf-8").replace("NAME", name).replace("TITLE", title)
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        write_whole(config, listed)
    except OSError as error:
        raise LabcodeError(f"The chapter cannot be written in {root} ({error}); make the folder writable.") from error
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
    lines = config.splitlines(keepends=True)
    for closing in CLOSING:
        entry = re.compile(rf"""(\s*-\s+)(["']?){re.escape(closing)}\2\s*(#.*)?""")
        for at, line in enumerate(lines):
            if found := entry.fullmatch(line.rstrip("\r\n")):
                ending = line[len(line.rstrip("\r\n")) :] or "\n"
                changed = "".join([*lines[:at], f"{found[1]}{file}{ending}", *lines[at:]])
                return _checked(changed, file, closing)
    raise LabcodeError(
        f"_quarto.yml lists neither {' nor '.join(CLOSING)} in a line of its own; add a line for {file} by hand, "
        "after writing the file."
    )


def _checked(config: str, file: str, closing: str) -> str:
    """The text, once it is sure that a reader of YAML finds the chapter where it should be."""
    try:
        files = chapter_list(yaml.safe_load(config)["book"]["chapters"])
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise LabcodeError(
            f"_quarto.yml is not a Quarto book ({error}); mend it with: git restore _quarto.yml"
        ) from None
    if files.count(file) != 1 or files[files.index(file) + 1 :][:1] != [closing]:
        raise LabcodeError(f"_quarto.yml cannot take {file} before {closing}; list it there by hand.")
    return config
