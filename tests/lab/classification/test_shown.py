"""What the chapter lists is short, and no line of it is wrapped in print."""

from __future__ import annotations

import re

import pytest

from labcode.book.listing import source_of
from labcode.settings import project_root

CHAPTER = (project_root() / "chapters" / "classification.qmd").read_text("utf-8")
LISTED = [
    (module, name)
    for module, names in re.findall(r'listing\("([\w.]+)", ((?:"\w+", )*"\w+")', CHAPTER)
    for name in re.findall(r'"(\w+)"', names)
]


@pytest.mark.parametrize(("module", "name"), LISTED)
def test_what_is_listed_is_short_and_narrow(module: str, name: str) -> None:
    lines = source_of(module, name, imports=False).splitlines()
    assert len(lines) <= 36
    assert [line for line in lines if len(line) > 100] == []
