"""Two editions of one source: what each holds, and how one is chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from labcode.book import edition
from labcode.book.portable.book import read_book
from labcode.settings import project_root


@pytest.mark.parametrize(
    ("variable", "expected"),
    [("", "full"), ("full", "full"), ("handin", "handin"), ("mine,handin", "handin"), ("mine", "full")],
)
def test_the_edition_is_that_of_quartos_profile(monkeypatch: pytest.MonkeyPatch, variable: str, expected: str) -> None:
    monkeypatch.setenv(edition.VARIABLE, variable)
    assert edition.edition() == expected


def test_one_is_chosen_for_a_while_and_other_profiles_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(edition.VARIABLE, "mine,full")
    with edition.chosen("handin"):
        assert edition.edition() == "handin" and "mine" in edition.os.environ[edition.VARIABLE]
    assert edition.os.environ[edition.VARIABLE] == "mine,full"


def test_the_hand_in_has_the_chapters_and_the_full_edition_the_appendices_too() -> None:
    root = project_root()
    with edition.chosen("handin"):
        short, folder = read_book(root), edition.output_dir(root)
    with edition.chosen("full"):
        full = read_book(root)
    names = [chapter.name for chapter in full.chapters]
    assert [chapter.name for chapter in short.chapters] == names[: len(short.chapters)]
    letters = [chapter.number for chapter in full.chapters[len(short.chapters) :]]
    assert letters == list("ABCDEFG"[: len(letters)]) and {"audit", "cards", "reproducibility"} <= set(names)
    assert folder.name == "_handin" and edition.output_dir(root).name == "_book"


def test_a_chapter_that_is_handed_in_refers_to_no_appendix_outside_of_the_full_edition() -> None:
    with edition.chosen("full"):
        full = read_book(project_root())
    appendices = {label for chapter in full.chapters if isinstance(chapter.number, str) for label in chapter.labels}
    for chapter in full.chapters:
        if not isinstance(chapter.number, str):
            text = (project_root() / chapter.file).read_text("utf-8")
            for part in text.split('::: {.content-visible when-profile="full"}'):
                kept = part if part is text.split("::: {.content-visible")[0] else part.partition("\n:::\n")[2]
                assert not [label for label in appendices if f"@{label}" in kept], chapter.file


def test_settings_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "_quarto.yml").write_text("[]\n")
    with pytest.raises(Exception, match="holds no settings"):
        edition.settings(tmp_path)
