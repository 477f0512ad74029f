"""The floors of the house: a module imports from its own room and from rooms below, and from nowhere else."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
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
#: At the top of the package: for every room, and importing from none; the last two run before all else.
TOP = {"errors", "settings", "files", "bootstrap", "sources"}


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


FORBIDDEN = """
import sys
from importlib.abc import MetaPathFinder


class Forbidden(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.startswith(("labcode.lab", "labcode.nets", "labcode.data", "labcode.scoring")):
            raise ImportError(f"{name} is of another report")


sys.meta_path.insert(0, Forbidden())
"""
FLOWERS = """
from dataclasses import dataclass
from typing import Annotated

from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from labcode.results.experiments import Experiment
from labcode.results.number import Number, Quantity
from labcode.results.typed import Results


@dataclass(frozen=True, kw_only=True)
class Flowers(Results):
    experiment = "iris/flowers"
    accuracy: Annotated[Number, Quantity(says="share told right", unit="%", decimals=1, least=0, most=1, over="folds")]
    majority: Annotated[Number, Quantity(says="share of the largest kind", unit="%", decimals=1, least=0, most=1)]


def tell(spec, *, data, results, progress):
    X, y = load_iris(return_X_y=True)
    scores = cross_val_score(LogisticRegression(max_iter=spec["max_iter"]), X, y, cv=10)
    return Flowers(accuracy=Number(scores.mean(), scores.min(), scores.max()), majority=Number(1 / 3))


EXPERIMENTS = (Experiment(name="iris/flowers", run=tell, spec={"max_iter": 500}, quick={"max_iter": 200}),)
"""
PAGE = """# {title}

```{{python}}
from iris.flowers import Flowers
from labcode.book.checks import check
from labcode.results.run import load_typed

flowers = load_typed(Flowers)
```

Sepals and petals tell `{{python}} flowers.{figure}` of the flowers.
`{{python}} check("flowers.accuracy.low > flowers.majority")`
"""
BOOK = """
project: {type: book}
lab: {package: iris}
book:
  title: Flowers
  author: Ada Lovelace
  date: 2026-01-31
  chapters: [index.qmd, chapters/more.qmd]
format: {html: default}
"""


def test_book_and_results_make_a_report_of_something_else(tmp_path: Path) -> None:
    files = {
        "forbidden/sitecustomize.py": FORBIDDEN,
        "report/_quarto.yml": BOOK,
        "report/index.qmd": PAGE.format(title="Flowers", figure="accuracy.interval"),
        "report/chapters/more.qmd": PAGE.format(title="More", figure="majority"),
        "report/iris/__init__.py": "",
        "report/iris/flowers.py": FLOWERS,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    path = os.pathsep.join(map(str, (tmp_path / "forbidden", tmp_path / "report", PACKAGE.parent)))
    code = "from labcode.book.render import render; render(to=('html',), engine='portable')"
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": path, "LABCODE_DEVICE": "cpu"}
    answer = subprocess.run(command, cwd=tmp_path / "report", env=environment, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr[-3000:]
    first, second = (next((tmp_path / "report/_book").rglob(f"{name}.html")).read_text() for name in ("index", "more"))
    assert "97.3%" in first and "33.3%" in second
    assert "✓" in first and "✓" in second
