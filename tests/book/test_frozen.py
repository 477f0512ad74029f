"""Outputs of the last render are used again exactly as long as nothing behind them has changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from labcode.book import frozen
from labcode.book.render import find_quarto, render
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


def edit(path: Path) -> Callable[[], object]:
    return lambda: path.write_text(path.read_text() + "# edited\n")


def reruns(book: Path, engine: str, change: Callable[[], object] = lambda: None) -> set[str]:
    """Titles of the pages whose cells run in a render after a change."""
    for path in (book / "_runs").iterdir():
        path.unlink()
    change()
    render(to=["html"], engine=engine)  # type: ignore[arg-type]
    for page in PAGES:
        assert "<strong>shown</strong>" in (book / "_book" / rendered_page(page, engine)).read_text()
    return {path.name for path in (book / "_runs").iterdir()}


def rendered_page(page: str, engine: str) -> str:
    path = Path(page).with_suffix(".html")
    return path.as_posix() if engine == "quarto" else path.name


@pytest.mark.parametrize("engine", ENGINES)
def test_a_page_runs_again_when_and_only_when_something_behind_it_has_changed(book: Path, engine: str) -> None:
    def unrelated() -> None:
        (book / "data/raw/holiday.jpg").write_bytes(b"sun")
        edit(book / "labcode/lab/classification/balancing.py")()
        edit(book / "labcode/book/submit.py")()

    def flip_a_bit() -> None:
        _, file = next(iter(frozen.shown(book, portable=engine == "portable")))
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)

    assert reruns(book, engine) == ALL
    assert reruns(book, engine, unrelated) == set()
    assert reruns(book, engine, edit(book / "labcode/book/words.py")) == {"Words", "Result"}
    assert reruns(book, engine, flip_a_bit) == {"Start"}


def test_what_each_page_rests_on(book: Path) -> None:
    assert reruns(book, "portable") == ALL
    assert reruns(book, "portable", edit(book / "labcode/results/number.py")) == {"Words", "Result"}
    assert reruns(book, "portable", edit(book / "labcode/lab/eda/results.py")) == {"Result"}
    config = book / "_quarto.yml"
    assert reruns(book, "portable", lambda: config.write_text(CONFIG.replace('"T"', '"Title"'))) == set()
    assert reruns(book, "portable", lambda: config.write_text(CONFIG.replace("auto", "auto, warning: false"))) == ALL
    page = book / "chapters/words.qmd"
    assert reruns(book, "portable", lambda: page.write_text(PAGES["chapters/words.qmd"] + "\nMore.\n")) == set()
    assert reruns(book, "portable", lambda: frozen.forget(book)) == ALL


def test_another_key_of_a_result_reaches_the_page_that_reads_it(book: Path) -> None:
    reruns(book, "portable")
    record = frozen.read(book)
    record.keys["eda/machines"] = "another"
    frozen.write(book, record)
    assert reruns(book, "portable") == {"Result"}


@pytest.mark.parametrize("record", [None, "", "[]", '{"other": 1}'])
def test_a_damaged_record_is_no_fault(book: Path, record: str | None) -> None:
    (book / "_freeze").mkdir()
    if record is not None:
        (book / "_freeze/labcode.json").write_text(record)
    assert frozen.read(book) == frozen.Record()
