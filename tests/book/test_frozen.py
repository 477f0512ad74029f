"""Outputs of the last render are used again exactly as long as nothing behind them has changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from labcode.book import frozen
from labcode.book.quarto import prerender
from labcode.book.render import find_quarto
from labcode.settings import project_root

PAGE = "# One {#sec-one}\n\n```{python}\n#| include: false\nfrom labcode.book import (\n    tables,\n)\n```\n"
FILES = {
    "_quarto.yml": "project: {type: book}\n",
    "index.qmd": "# Summary {.unnumbered}\n\nNothing is computed.\n",
    "chapters/one.qmd": PAGE,
    "chapters/two.qmd": '```{python}\nlisting("labcode.book.shown", "code")\n```\n',
    "chapters/_part.qmd": "Included.\n",
    "labcode/nets/mlp.py": "WIDTH = 1\n",
    "labcode/book/__init__.py": "",
    "labcode/book/tables.py": "def table():\n    from labcode.book.words import word\n",
    "labcode/book/words.py": "word = 1\n",
    "labcode/book/shown.py": "code = 1\n",
    "labcode/book/other.py": "other = 1\n",
    "data/sources.toml": "a = 1\n",
    "data/raw/prices.csv": "close\n1\n",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project, with its store."""
    for name, text in FILES.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in [name for name in os.environ if name.startswith("LABCODE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LABCODE_STORE_DIR", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def changed(root: Path, change: Callable[[], object]) -> set[str]:
    before = frozen.now(root).pages
    assert frozen.now(root).pages == before
    change()
    after = frozen.now(root).pages
    return {Path(page).stem for page in after if after[page] != before.get(page)}


def edit(path: Path) -> Callable[[], object]:
    return lambda: path.write_text(path.read_text() + "# edited\n")


@pytest.mark.parametrize(
    ("file", "pages"),
    [
        ("labcode/book/tables.py", {"one"}),
        ("labcode/book/words.py", {"one"}),
        ("labcode/book/shown.py", {"two"}),
        ("labcode/book/other.py", set()),
        ("labcode/nets/mlp.py", {"index", "one", "two"}),
        ("data/sources.toml", {"index", "one", "two"}),
        ("data/raw/prices.csv", {"index", "one", "two"}),
        ("chapters/_part.qmd", {"index", "one", "two"}),
        ("_quarto.yml", {"index", "one", "two"}),
    ],
)
def test_an_edit_reaches_the_pages_that_rest_on_it(root: Path, file: str, pages: set[str]) -> None:
    assert changed(root, edit(root / file)) == pages


def test_a_new_result_another_profile_and_another_data_folder_reach_all_pages(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = tmp_path / "store/results/regression/sound/0.json"
    result.parent.mkdir(parents=True)
    everything = {"index", "one", "two"}
    assert changed(root, lambda: result.write_text("{}")) == everything
    assert changed(root, lambda: monkeypatch.setenv("LABCODE_PROFILE", "quick")) == everything
    assert changed(root, lambda: monkeypatch.setenv("LABCODE_DATA_DIR", str(tmp_path))) == everything


def test_a_source_that_does_not_parse_is_no_fault_here(root: Path) -> None:
    assert changed(root, lambda: (root / "labcode/book/tables.py").write_text("def (")) == {"one"}


def outputs(root: Path) -> set[str]:
    return {path.parent.name for path in root.glob("*/**/html.json")}


def freeze(root: Path) -> None:
    for folder in ("_freeze", ".quarto/_freeze"):
        for page in ("index", "chapters/one", "chapters/two"):
            (root / folder / page).mkdir(parents=True, exist_ok=True)
            (root / folder / page / "html.json").write_text("{}")
    frozen.portable_file(root, "chapters/one.qmd").parent.mkdir(exist_ok=True)
    frozen.portable_file(root, "chapters/one.qmd").write_text("[]")


def test_outputs_of_changed_pages_are_thrown_away_and_the_others_stay(root: Path) -> None:
    frozen.keep(root, frozen.now(root))
    freeze(root)
    frozen.keep(root, frozen.now(root))
    assert outputs(root) == {"index", "one", "two"}
    edit(root / "labcode/book/words.py")()
    frozen.keep(root, frozen.now(root))
    assert outputs(root) == {"index", "two"}
    assert not frozen.portable_file(root, "chapters/one.qmd").exists()


@pytest.mark.parametrize("record", [None, "", "[]", '{"other": 1}'])
def test_without_a_record_nothing_is_used_again(root: Path, record: str | None) -> None:
    freeze(root)
    if record is not None:
        (root / "_freeze/labcode.json").write_text(record)
    frozen.keep(root, frozen.now(root))
    assert outputs(root) == set()


def test_an_edit_during_the_render_leaves_no_outputs(root: Path) -> None:
    frozen.keep(root, frozen.now(root))
    freeze(root)
    prerender.confirm(root)
    assert outputs(root) == {"index", "one", "two"}
    edit(root / "labcode/nets/mlp.py")()
    prerender.confirm(root)
    assert outputs(root) == set()


def test_data_are_loaded_again_only_when_something_has_changed(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(prerender, "announce", lambda: calls.append("rows") or ["prices: 1 row"])
    monkeypatch.setattr(prerender, "compute", lambda: calls.append("results"))
    prerender.prepare(root, everything=False)
    prerender.prepare(root, everything=True)  # not all results were looked for
    assert calls == ["rows", "rows", "results"]
    capsys.readouterr()
    prerender.prepare(root, everything=True)
    assert calls == ["rows", "rows", "results"] and capsys.readouterr().out == "prices: 1 row\n"
    edit(root / "data/raw/prices.csv")()
    prerender.prepare(root, everything=False)
    assert calls[3:] == ["rows"]


COUNTING = """# {title}

```{{python}}
#| echo: false
#| output: asis
from pathlib import Path
from labcode.book import words
runs = Path("runs-{title}.txt")
runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
print("**shown**")
```
"""
ENGINES = [
    "portable",
    pytest.param("quarto", marks=pytest.mark.skipif(find_quarto() is None, reason="needs Quarto on PATH")),
]


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, book_store: Path) -> Path:
    """A book of two pages that count how often their cells ran, with labcode's own code."""
    book = tmp_path / "book"
    shutil.copytree(project_root() / "labcode", book / "labcode", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(project_root() / "data", book / "data", ignore=shutil.ignore_patterns("raw"))
    shutil.copy(project_root() / "lab.toml", book)
    (book / "labcode/book/words.py").write_text("word = 1\n")
    (book / "index.qmd").write_text(COUNTING.format(title="Start"))
    (book / "two.qmd").write_text(
        COUNTING.format(title="Two").replace("labcode.book import words", "pathlib import Path")
    )
    settings = {
        "type": "book",
        "pre-render": "labcode/book/quarto/prerender.py",
        "post-render": "labcode/book/quarto/postrender.py",
    }
    lines = ["project:", *(f"  {name}: {value}" for name, value in settings.items())]
    lines += ["execute: {freeze: auto, daemon: false}"]
    lines += ['book: {title: "T", author: "A", chapters: [index.qmd, two.qmd]}']
    (book / "_quarto.yml").write_text("\n".join([*lines, "format: {html: default}", "jupyter: python3", ""]))
    for name, value in {"LABCODE_PROFILE": "quick", "LABCODE_STORE_DIR": book_store, "PYTHONPATH": book}.items():
        monkeypatch.setenv(name, str(value))
    return book


def render(book: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "labcode.cli", "render", *arguments]
    done = subprocess.run(command, cwd=book, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("engine", ENGINES)
def test_a_second_render_and_one_of_a_single_format_leave_everything_whole(book: Path, engine: str) -> None:
    needed = ["index.html", "two.html", "site_libs/bootstrap", "site_libs/clipboard"] if engine == "quarto" else []
    for formats in ("all", "all", "html", "pdf"):
        render(book, "--to", formats, "--engine", engine)
        assert all((book / "_book" / name).exists() for name in needed), formats
        assert list((book / "_book").glob("*.pdf")) and list((book / "_book").glob("two.html")), formats


@pytest.mark.parametrize("engine", ENGINES)
def test_cells_run_again_when_and_only_when_something_behind_them_has_changed(book: Path, engine: str) -> None:
    def runs(*more: str) -> tuple[int, int]:
        render(book, "--to", "html", "--engine", engine, *more)
        assert all(
            "<strong>shown</strong>" in (book / "_book" / name).read_text() for name in ("index.html", "two.html")
        )
        return len((book / "runs-Start.txt").read_text()), len((book / "runs-Two.txt").read_text())

    assert runs() == (1, 1)
    assert runs() == (1, 1)
    edit(book / "labcode/book/words.py")()
    assert runs() == (2, 1)
    edit(book / "data/reference.toml")()
    assert runs() == (3, 2)
    assert runs("--fresh") == (4, 3)
