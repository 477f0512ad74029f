"""The course and its instructor, which stand on the report's cover; title, authors and date are Quarto's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from IPython.display import Markdown

from labcode.errors import RenderError
from labcode.settings import project_root

FIELDS = ("course", "instructor")
#: Text from the settings is no markup.
_MARKUP = str.maketrans({mark: f"\\{mark}" for mark in r"\`*_{}[]<>()#+-.!|$~^@"})


def about(settings: Mapping[str, Any]) -> list[str]:
    """Course and instructor, as ``_quarto.yml`` has them.

    >>> about({"lab": {"course": "C", "instructor": "I"}})
    ['C', 'I']
    """
    lab = settings.get("lab") or {}
    return [str(lab[name]) for name in FIELDS if lab.get(name)]


def course_line() -> Markdown:
    """Course and instructor, for pages: in the PDF, they stand on the cover.

    Raises
    ------
    RenderError
        If one is missing.
    """
    path = project_root() / "_quarto.yml"
    settings = yaml.safe_load(path.read_text("utf-8")) or {}
    if missing := [name for name in FIELDS if not (settings.get("lab") or {}).get(name)]:
        raise RenderError(f'{path}: under "lab:", {missing[0]} is missing; add a line such as {missing[0]}: "…".')
    line = " · ".join(name.translate(_MARKUP) for name in about(settings))
    return Markdown(f'::: {{.content-visible when-format="html"}}\n{line}\n:::')  # type: ignore[no-untyped-call]
