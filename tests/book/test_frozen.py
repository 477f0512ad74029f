"""Outputs of the last render are used again exactly as long as nothing behind them has changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from labcode.book import frozen
from labcode.book.render import find_quarto, render
from labcode.errors import RenderError
from labcode.settings import project_root

PAGE = """# {title}

```{{python}}
#| echo: false
#| output: asis
{code}
from pathlib import Path
runs = Path("_runs/{title}")
runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
print("**shown**")
```
"""
PAGES = {
    "index.qmd": PAGE.format(title="Start", code="1 + 1"),
    "chapters/words.qmd": PAGE.format(title="Words", code="from labcode.book import words"),
    "chapters/result.qmd": PAGE.format(
        title="Result",
        code="from labcode.book import words\nfrom labcode.lab import load\n"
        "from labcode.lab.eda.results import Machines\n\nload(Machines)",
    ),
}
CONFIG = """
project: {type: book, execute-dir: project, pre-render: labcode/book/quarto/prerender.py,
  post-render: labcode/book/quarto/postrender.py}
book: {title: "T", author: "A", chapters: [index.qmd, chapters/words.qmd, chapters/result.qmd]}
execute: {freeze: auto, daemon: false}
format: {html: default}
jupyter: python3
"""
ENGINES = [
    "portable",
    pytest.param("quarto", marks=pytest.mark.skipif(find_quarto() is None, reason="needs Quarto on PATH")),
]
ALL = {"Start", "Words", "Result"}


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick_store: Path) -> Path:
    """A book of three pages that note each run, with labcode's own code."""
    book = tmp_path / "book"
    for name in ("labcode", "data"):
        shutil.copytree(project_root() / name, book / name, ignore=shutil.ignore_patterns("__pycache__", "raw"))
    shutil.copy(project_root() / "lab.toml", book)
    for name, text in {**PAGES, "_quarto.yml": CONFIG, "_runs/none": "", "data/raw/none": ""}.items():
        (book / name).parent.mkdir(exist_ok=True)
        (book / name).write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(book))
    monkeypatch.chdir(book)
    return book


def edit(path: Path) -> None:
    path.write_text(path.read_text() + "# edited\n")


def reruns(book: Path, engine: str = "portable") -> set[str]:
    """Titles of the pages whose cells run in a render."""
    for path in (book / "_runs").iterdir():
        path.unlink()
    render(to=["html"], engine=engine)  # type: ignore[arg-type]
    for page in map(Path, PAGES):
        file = page.with_suffix(".html")
        shown = book / "_book" / (file if engine == "quarto" else file.name)
        assert "<strong>shown</strong>" in shown.read_text()
    return {path.name for path in (book / "_runs").iterdir()}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_page_runs_again_when_and_only_when_something_behind_it_has_changed(book: Path, engine: str) -> None:
    assert reruns(book, engine) == ALL
    (book / "data/raw/holiday.jpg").write_bytes(b"sun")
    edit(book / "labcode/lab/classification/balancing.py")
    edit(book / "labcode/book/submit.py")
    assert reruns(book, engine) == set()
    edit(book / "labcode/book/words.py")
    assert reruns(book, engine) == {"Words", "Result"}
    _, file = next(iter(frozen.shown(book, portable=engine == "portable")))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert reruns(book, engine) == {"Start"}


def test_what_each_page_rests_on(book: Path) -> None:
    config, page = book / "_quarto.yml", book / "chapters/words.qmd"
    (book / "_freeze").mkdir()
    for damaged in ("", "[]", '{"other": 1}'):
        (book / "_freeze/labcode.json").write_text(damaged)
        assert frozen.read(book) == frozen.Record()
    assert reruns(book) == ALL
    edit(book / "labcode/results/number.py")
    assert reruns(book) == {"Words", "Result"}
    config.write_text(CONFIG.replace('"T"', '"Title"'))
    page.write_text(page.read_text() + "\nMore.\n")
    assert reruns(book) == set()
    config.write_text(CONFIG.replace("auto", "auto, warning: false"))
    assert reruns(book) == ALL
    frozen.forget(book)
    assert reruns(book) == ALL
    kept = (book / "_freeze/labcode.json").read_text()
    (book / "_freeze/labcode.json").write_text(kept.replace("eda/machines", "eda/machine5", 1))
    assert frozen.read(book) == frozen.Record(), "a record that was changed is none"
    (book / "_freeze/labcode.json").write_text(kept)
    record = frozen.read(book)
    record.keys["eda/machines"] = "another"
    frozen.write(book, record)
    assert reruns(book) == {"Result"}


def test_what_a_failed_run_left_is_never_shown(book: Path) -> None:
    page, late = book / "chapters/words.qmd", book / "late.txt"
    text = page.read_text() + '\n```{python}\n#| output: asis\nprint(Path("late.txt").read_text())\n```\n'
    late.write_text("first")
    page.write_text(text)
    reruns(book)
    page.write_text(text.replace("print(Path", "1 / 0\nprint(Path"))
    with pytest.raises(RenderError, match="ZeroDivisionError"):
        reruns(book)
    page.write_text(text)
    late.write_text("second")
    assert reruns(book) == {"Words"}
    assert any("second" in shown.read_text() for shown in (book / "_book").rglob("words.html"))
