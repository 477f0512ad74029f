"""Pictures of a page load late, and their room is kept free until then."""

from __future__ import annotations

from pathlib import Path

import pytest

from labcode.book.pictures import load_late


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ('<img src="a.svg">', '<img loading="lazy" width="300" height="150" src="a.svg">'),
        ('<img class="w" src="a.svg">', '<img loading="lazy" width="300" height="150" class="w" src="a.svg">'),
        ('<img src="missing.svg">', '<img loading="lazy" src="missing.svg">'),
        ('<img src="data:image/png;base64,AA">', '<img src="data:image/png;base64,AA">'),
    ],
)
def test_a_picture_loads_late_in_its_room(tmp_path: Path, image: str, expected: str) -> None:
    (tmp_path / "a.svg").write_text('<svg xmlns="x" width="300pt" viewBox="0 0 300.4 150">', "utf-8")
    assert load_late(image, tmp_path) == expected == load_late(expected, tmp_path)
