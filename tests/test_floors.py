"""The floors of the house: a module imports from its own room and from rooms below, and from nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import labcode

PACKAGE = Path(labcode.__file__).parent
FLOORS: dict[str, float] = {
    "errors": -2,
    "settings": -1,
    "data": 0,
    "models": 0,
    "metrics": 0,
    "training": 1,
    "protocols": 2,
    "tuning": 2,
    "store": 2,
    "results": 1.5,
    "book": 2.5,
    "experiments": 3,
    "report": 4,
    "cli": 5,
    "bench": 4.5,
}
#: Modules that share a room: what one estimator is made of, and what a result's key is made of.
SHARED = {
    **dict.fromkeys(("device", "losses", "loop", "estimator", "stacked", "batched", "parallel"), "training"),
    **dict.fromkeys(("digests", "cluster"), "store"),
    **dict.fromkeys(("bench_tuning", "bench_render"), "bench"),
    "confusion": "metrics",
    "lab": "experiments",  # until the last experiment has moved
    "display": "cli",
    "files": "settings",
}
#: Stands outside the house: it runs before there is an environment.
OUTSIDE = {"bootstrap"}


def modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def room(path: Path) -> str:
    name = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return SHARED.get(name, name)


def imported_rooms(source: str) -> Iterator[str]:
    for found in _imported(source):
        yield SHARED.get(found, found)


def _imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts[0] == "labcode":
                yield from [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("labcode."))


def upward(path: Path, source: str) -> list[str]:
    if room(path) in OUTSIDE:
        return [name for name in imported_rooms(source)]
    floor = FLOORS[room(path)]
    return [name for name in imported_rooms(source) if name in FLOORS and name != room(path) and FLOORS[name] >= floor]


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_downwards(path: Path) -> None:
    assert room(path) in FLOORS.keys() | OUTSIDE, f"{path} stands in no room; give it a floor"
    assert upward(path, path.read_text("utf-8")) == []


def test_the_check_sees_an_upward_import() -> None:
    assert upward(PACKAGE / "data" / "prices.py", "from labcode.report.text import count") == ["report"]
    assert upward(PACKAGE / "models.py", "import labcode.training") == ["training"]
    assert upward(PACKAGE / "models.py", "from labcode import metrics") == ["metrics"]


@pytest.mark.parametrize("path", sorted(PACKAGE.parent.glob("chapters/*.qmd")), ids=lambda path: path.stem)
def test_chapters_stand_on_labcode_and_what_draws_and_keep_their_cells_short(path: Path) -> None:
    roots = {"labcode", "matplotlib", "numpy", "pandas", "seaborn", "torch"}
    cells, cell = [], None
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("```{python}"):
            cell = []
        elif line.startswith("```") and cell is not None:
            cells.append(cell)
            cell = None
        elif cell is not None and not line.startswith("#|"):
            cell.append(line)
    for lines in cells:
        imports = [line for line in lines if line.startswith(("import ", "from "))]
        assert all(line.split()[1].split(".")[0] in roots for line in imports), imports
        assert len([line for line in lines if line and line not in imports]) <= 12, lines
