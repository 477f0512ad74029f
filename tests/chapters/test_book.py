"""The book itself: its sources keep the rules, and it renders from nothing but simulated rows."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from labcode.book.render import choose_engine, find_quarto, render
from labcode.errors import RenderError
from labcode.settings import project_root

ROOT = project_root()
CHAPTERS = [ROOT / name for name in yaml.safe_load((ROOT / "_quarto.yml").read_text("utf-8"))["book"]["chapters"]]


@pytest.mark.parametrize(
    ("version", "used"), [("1.9.38", True), ("1.10.2", True), ("2.0.0", True), ("1.8.99", False), ("nonsense", False)]
)
def test_a_recent_quarto_is_used_and_an_old_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, used: bool
) -> None:
    path = tmp_path / "quarto"
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    quarto, why = choose_engine("auto")
    assert (quarto is not None, "portable" in why) == (used, not used)
    if not used:
        with pytest.raises(RenderError, match=r"install Quarto 1\.9 or newer"):
            choose_engine("quarto")


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copy_book: Callable[[Path], Path], book_store: Path) -> Path:
    """A copy of the book that a test may spoil, rendered from the quick profile."""
    book = copy_book(tmp_path / "book")
    monkeypatch.chdir(book)
    monkeypatch.setenv("LABCODE_PROFILE", "quick")
    monkeypatch.setenv("LABCODE_STORE_DIR", str(book_store))
    monkeypatch.setenv("PYTHONPATH", str(book))
    return book


ENGINES = [
    "portable",
    pytest.param("quarto", marks=pytest.mark.skipif(find_quarto() is None, reason="needs Quarto on PATH")),
]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_whole_book_renders_from_simulated_rows_and_says_so(rendered: Callable[[str], Any], engine: str) -> None:
    book = rendered(engine)
    pages, (pdf,) = [page.read_text("utf-8") for page in book.pages], book.root.glob("*.pdf")
    assert len(pages) >= len(CHAPTERS)
    eda = next(page for page in pages if 'id="fig-panel"' in page)
    assert "Simulated data of the quick profile" in eda
    text = re.sub(r"<[^>]+>", " ", eda)
    assert "Table" in text and re.search(r"Figure.{0,10}1\.4", text)
    assert not re.search(r"\?@|\{python\}|Unable to resolve", text), "an unresolved reference or value"
    assert not any(left in page for page in pages for left in ("{python}", "{.check")), "Markdown that stayed as it was"
    assert eda.count("fig-alt") + eda.count("alt=") >= 10, "every figure in both themes has an alt text"
    assert pdf.read_bytes().startswith(b"%PDF")
    if shutil.which("pdftotext"):
        words = subprocess.run(["pdftotext", pdf, "-"], capture_output=True, text=True, check=True).stdout
        assert "quick profile" in words


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("spoilt", "line", "message"),
    [
        ("```{python}\n#| echo: false\nx = 1\nx / 0\n```", 5, "ZeroDivisionError: division by zero"),
        ("A value `{python} nowhere + 1`.", 2, "name 'nowhere' is not defined"),
        ('Pigs fly. `{python} check("2 > 1")`', 2, "reads no result"),
        ("See @fig-nowhere.", 2, "fig-nowhere"),
    ],
)
def test_a_fault_in_a_chapter_fails_the_render_and_names_its_line(
    copy: Path, engine: str, spoilt: str, line: int, message: str
) -> None:
    chapter = copy / "chapters" / "reproducibility.qmd"
    imported = "from labcode.book import environment\n"
    text = chapter.read_text("utf-8").replace(imported, f"{imported}from labcode.book.checks import check\n")
    chapter.write_text(f"{text}\n{spoilt}\n", "utf-8")
    with pytest.raises(RenderError) as failure:
        render(["reproducibility"], to=["html"], engine=engine)  # type: ignore[arg-type]
    assert f"reproducibility.qmd:{len(text.splitlines()) + line}: " in str(failure.value)
    assert message in str(failure.value)
