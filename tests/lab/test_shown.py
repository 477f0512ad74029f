"""What a chapter lists runs by itself, as it is printed, and is short."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from labcode.book.listing import source_of
from labcode.settings import project_root

CHAPTERS = [path.read_text("utf-8") for path in sorted((project_root() / "chapters").glob("*.qmd"))]
LISTED = [
    (module, re.findall(r'"(\w+)"', names))
    for text in CHAPTERS
    for module, names in re.findall(r'listing\("(labcode\.lab[\w.]+)", ((?:"\w+", )*"\w+")', text)
]
#: What listings use that their chapter has listed before, or that says nothing more.
BEFORE = {
    "labcode.lab.classification.ceiling": ["Weights"],
    "labcode.lab.regression.network": ["day_range", "midpoint", "position", "position_inputs", "MirrorScaler"],
}


@pytest.mark.parametrize(("module", "names"), LISTED)
def test_a_listing_stands_alone_and_is_short(module: str, names: list[str]) -> None:
    namespace = {name: getattr(import_module(module), name) for name in BEFORE.get(module, [])}
    exec("from __future__ import annotations\n" + source_of(module, *names), namespace)
    assert namespace.keys() >= set(names)
    for name in names:
        lines = source_of(module, name, imports=False).splitlines()
        signature = next(i for i, line in enumerate(lines, start=1) if line.endswith(":"))
        body = re.sub(r'""".*?"""', "", "\n".join(lines[signature:]), flags=re.DOTALL)
        assert len(lines) <= 36 and len([line for line in body.splitlines() if line.strip()]) <= 25, name
        assert "classification" not in module or max(map(len, lines)) <= 100


def test_every_chapter_with_networks_lists_code() -> None:
    assert {module.split(".")[2] for module, _ in LISTED} == {
        "classification",
        "eda",
        "regression",
        "regularization",
        "tuning",
    }
