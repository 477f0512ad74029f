"""Two editions of one source: what each holds, and how one is chosen."""

from __future__ import annotations

import os
import re
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
    with edition.chosen("handin"):
        assert edition.edition() == "handin" and ("mine" in os.environ[edition.VARIABLE]) == ("mine" in variable)
    assert os.environ[edition.VARIABLE] == variable


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
        chapters = read_book(project_root()).chapters
    appendices = {label for chapter in chapters if isinstance(chapter.number, str) for label in chapter.labels}
    for chapter in chapters:
        if not isinstance(chapter.number, str):
            text = (project_root() / chapter.file).read_text("utf-8")
            kept = re.sub(r'(?sm)^(:+) \{\.content-visible when-profile="full"\}.*?^\1$', "", text)
            assert not [label for label in appendices if f"@{label}" in kept], chapter.file


CONFIG = 'book: {title: T, author: "A. Student", date: 2026-01-31, chapters: [index.qmd]}\n'


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (CONFIG, "[]", "holds no settings"),
        (CONFIG, "a: [", "cannot be read"),
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


def test_all_authors_are_named_and_the_course_with_its_instructor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authors = '[{name: {given: Anna, family: Schmidt}}, "B. Student"]'
    (tmp_path / "_quarto.yml").write_text(CONFIG.replace('"A. Student"', authors) + "lab: {course: A*B}\n")
    assert edition.title_page(tmp_path).authors == ("Anna Schmidt", "B. Student")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabcodeError, match="a course or its instructor is missing"):
        edition.course_line()
    (tmp_path / "_quarto.yml").write_text("lab: {course: A*B, instructor: C}\n")
    assert "\nA\\*B · C\n" in edition.course_line().data


def test_chapters_are_found_by_name_and_parts_flattened() -> None:
    found = edition.chapter_files(["eda", "chapters/eda.qmd", "index"])
    assert found == ["chapters/eda.qmd", "chapters/eda.qmd", "index.qmd"]
    with pytest.raises(LabcodeError, match="no chapter 'nosuch'"):
        edition.chapter_files(["nosuch"])
    entries = ["index.qmd", {"part": "P", "chapters": ["a.qmd", {"href": "b.qmd"}]}]
    assert edition.chapter_list(entries) == ["index.qmd", "a.qmd", "b.qmd"]
