"""What stands on the report's cover beside its title: who wrote it, for which course, and where."""

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
    """Course and instructor, and the institutions of the authors, as ``_quarto.yml`` has them.

    >>> about({"lab": {"course": "C"}, "book": {"author": [{"name": "A", "affiliations": [{"name": "U"}]}]}})
    ['C', 'U']
    """
    lab, authors = settings.get("lab") or {}, (settings.get("book") or {}).get("author")
    people = [each for each in (authors if isinstance(authors, list) else [authors]) if isinstance(each, dict)]
    found = [each.get(key) for each in people for key in ("affiliations", "affiliation")]
    places = [place for part in found if part for place in (part if isinstance(part, list) else [part])]
    names = [str(place.get("name") if isinstance(place, dict) else place) for place in places]
    return [*(str(lab[name]) for name in FIELDS if lab.get(name)), *dict.fromkeys(names)]


def course_line() -> Markdown:
    """Course, instructor and institution, for pages: in the PDF, they stand on the cover.

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
