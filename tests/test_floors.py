"""The floors of the house: a module imports from its own room and from rooms below, and from nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import labcode

PACKAGE = Path(labcode.__file__).parent
#: What each room may import, besides itself and what stands at the top of the package.
ROOMS: dict[str, set[str]] = {
    "data": set(),
    "nets": set(),
    "scoring": {"data"},
    "results": {"data", "nets"},
    "book": {"results"},
    "lab": {"data", "nets", "scoring", "results", "book"},
    "cli": {"data", "nets", "results", "book", "lab"},
}
#: At the top of the package: for every room, and importing from none; ``bootstrap`` runs before all else.
TOP = {"errors", "settings", "files", "bootstrap"}


def modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts[0] == "labcode":
                yield from [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("labcode."))


def forbidden(path: Path, source: str) -> list[str]:
    """Rooms that a module imports from though its own may not."""
    home = room(path)
    allowed = {home, "__version__", *TOP, *ROOMS[home]} if home in ROOMS else {"errors", "settings"}
    return [name for name in imported_rooms(source) if name not in allowed]


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_downwards(path: Path) -> None:
    assert room(path) in ROOMS.keys() | TOP, f"{path} stands in no room"
    assert forbidden(path, path.read_text("utf-8")) == []


def test_the_check_sees_a_forbidden_import() -> None:
    assert forbidden(PACKAGE / "data" / "prices.py", "from labcode.book.text import table") == ["book"]
    assert forbidden(PACKAGE / "nets" / "mlp.py", "import labcode.scoring.scores") == ["scoring"]
    assert forbidden(PACKAGE / "book" / "text.py", "from labcode import lab, settings") == ["lab"]
    assert forbidden(PACKAGE / "settings.py", "def f():\n    from labcode.data import tables") == ["data"]


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
