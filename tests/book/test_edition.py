"""Two editions of one source: what each holds, and how one is chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from labcode.book import edition
from labcode.book.portable.book import read_book
from labcode.errors import LabcodeError
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


CONFIG = 'book: {title: T, author: "A. Student", date: 2026-01-31, chapters: [index.qmd]}\n'


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"A. Student"', "[]", "names no author"),
        ('"A. Student"', '[{name: " "}]', "names no author"),
        ("A. Student", edition.PLACEHOLDER, "still names the author as it came; .*give yours"),
        ("date: 2026-01-31, ", "", "names no date"),
        ("2026-01-31", "today", "has the date 'today'; .* give the day"),
        ("book:", "page:", "not a Quarto book"),
    ],
)
def test_a_title_page_without_author_or_day_is_refused(tmp_path: Path, old: str, new: str, expected: str) -> None:
    (tmp_path / "_quarto.yml").write_text(CONFIG.replace(old, new))
    with pytest.raises(LabcodeError, match=expected):
        edition.title_page(tmp_path)


def test_all_authors_are_named_and_parts_flattened(tmp_path: Path) -> None:
    (tmp_path / "_quarto.yml").write_text(
        CONFIG.replace('"A. Student"', '[{name: {given: Anna, family: Schmidt}}, "B. Student"]')
    )
    assert edition.title_page(tmp_path).authors == ("Anna Schmidt", "B. Student")
    entries = ["index.qmd", {"part": "P", "chapters": ["a.qmd", {"href": "b.qmd"}]}]
    assert edition.chapter_list(entries) == ["index.qmd", "a.qmd", "b.qmd"]


def test_chapters_are_found_by_name() -> None:
    found = edition.chapter_files(["eda", "chapters/eda.qmd", "index"])
    assert found == ["chapters/eda.qmd", "chapters/eda.qmd", "index.qmd"]
    with pytest.raises(LabcodeError, match="no chapter 'nosuch'"):
        edition.chapter_files(["nosuch"])
