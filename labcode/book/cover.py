"""What stands on the report's first page beside its title: course, instructor and institution."""

from __future__ import annotations

import yaml
from IPython.display import Markdown

from labcode.errors import RenderError
from labcode.settings import project_root

FIELDS = ("course", "instructor", "institution")


def course_line() -> Markdown:
    """Course, instructor and institution, as `lab` in ``_quarto.yml`` has them.

    Raises
    ------
    RenderError
        If one is missing.
    """
    path = project_root() / "_quarto.yml"
    lab = (yaml.safe_load(path.read_text("utf-8")) or {}).get("lab") or {}
    if missing := [name for name in FIELDS if not lab.get(name)]:
        raise RenderError(f'{path}: under "lab:", {missing[0]} is missing; add a line such as {missing[0]}: "…".')
    escaped = (str(lab[name]).translate(_MARKUP) for name in FIELDS)
    return Markdown(" · ".join(escaped))  # type: ignore[no-untyped-call]


#: Text from the settings is no markup.
_MARKUP = str.maketrans({mark: f"\\{mark}" for mark in r"\`*_{}[]<>()#+-.!|$~^@"})
