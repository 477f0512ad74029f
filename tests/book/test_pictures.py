"""Pictures of a page load late, and their room is kept free until then."""

from __future__ import annotations

from pathlib import Path

import pytest

from labcode.book.pictures import load_late


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.svg").write_text('<svg xmlns="x" width="300pt" viewBox="0 0 300.4 150">', "utf-8")
    return tmp_path


@pytest.mark.parametrize("before", ["", 'class="wide" '])
def test_an_svg_keeps_its_room(folder: Path, before: str) -> None:
    page = load_late(f'<p><img {before}src="a.svg" alt="A line"></p>', folder)
    assert page == f'<p><img loading="lazy" width="300" height="150" {before}src="a.svg" alt="A line"></p>'
    assert load_late(page, folder) == page


@pytest.mark.parametrize("source", ["missing.svg", "a.png"])
def test_a_picture_of_unknown_size_still_loads_late(folder: Path, source: str) -> None:
    assert load_late(f'<img src="{source}">', folder) == f'<img loading="lazy" src="{source}">'


def test_inlined_pictures_stay(folder: Path) -> None:
    assert load_late('<img src="data:image/png;base64,AA">', folder) == '<img src="data:image/png;base64,AA">'
