"""The hand-in: what is in the zip, that the page stands alone, and what is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from labcode import sources
from labcode.book.quarto.onefile import outside_files
from labcode.book.render import find_quarto, render
from labcode.book.submit import submit
from labcode.errors import LabcodeError
from labcode.results import experiments, run
from labcode.settings import project_root

ROOT = project_root()
CONFIG = """
project: {type: book, execute-dir: project}
book:
  title: "Small"
  author: "A. Student"
  date: 2026-01-31
  output-file: small
  chapters: [index.qmd, chapters/one.qmd]
number-sections: true
execute: {warning: false}
format: {html: {lightbox: true, html-math-method: mathml}, typst: default}
jupyter: python3
"""
INDEX = "# Summary {.unnumbered}\n\nSee @fig-two in @sec-one.\n"
ONE = """
# One {#sec-one}

The result of it is `{python} 1 + 1`. The formula $e^x$ stands here, in a sentence that is long enough.

::: {#fig-two}

```{python}
#| renderings: [light, dark]
#| fig-alt: "A black box, and a white one where the page is dark."
from IPython.display import SVG, display
for colour in ("black", "white"):
    display(SVG(f'<svg xmlns="http://www.w3.org/2000/svg" width="9"><rect width="9" fill="{colour}"/></svg>'))
```

A box that is black on a page that is white.
:::
"""
NUMBERS = """
from dataclasses import dataclass
from labcode.results.experiments import Experiment
from labcode.results.typed import Results

@dataclass(frozen=True, kw_only=True)
class Mean(Results):
    mean: float
    none: float = float("nan")

def mean(spec, *, data, results, progress):
    return Mean(mean=data["maintenance"].frame["Torque [Nm]"].mean() * 1)

EXPERIMENTS = (Experiment(name="small/mean", run=mean, spec={}, quick={"q": 1}, datasets=("maintenance", "prices")),)
"""


@pytest.fixture
def book(
    tmp_path: Path,
    folder: Path,
    good_prices: pd.DataFrame,
    good_maintenance: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A small book in a project of its own, with rows, and one experiment whose result is stored."""
    root = tmp_path / "book"
    for name, text in {"_quarto.yml": CONFIG, "index.qmd": INDEX, "chapters/one.qmd": ONE}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    shutil.copytree(ROOT / "data", root / "data", ignore=shutil.ignore_patterns("raw"))
    (tmp_path / "smalllab").mkdir()
    (tmp_path / "smalllab" / "numbers.py").write_text(NUMBERS)
    good_prices.to_csv(folder / "prices.csv", index=False)
    good_maintenance.to_csv(folder / "predictive_maintenance.csv", index=False)
    monkeypatch.chdir(root)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(experiments, "modules", lambda: ("smalllab.numbers",))
    forget_experiments()
    run.run()
    return root


def forget_experiments() -> None:
    for known in (sys.modules, sources._imported):
        for name in [name for name in known if name.startswith("smalllab")]:
            del known[name]  # type: ignore[attr-defined]


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def git(root: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


def committed(book: Path) -> None:
    (book / ".gitignore").write_text("_freeze/\n")
    git(book, "init", "-q")
    git(book, "add", ".")
    git(book, "commit", "-qm", "all")


def test_the_zip_holds_the_report_its_numbers_scripts_and_sums_that_match(book: Path, tmp_path: Path) -> None:
    (book / "_quarto-full.yml").write_text("book: {appendices: [chapters/more.qmd]}\n", "utf-8")
    (book / "chapters" / "more.qmd").write_text("# More {#sec-more}\n\nWords of the appendix alone.\n", "utf-8")
    committed(book)
    made, again = (
        submit(tmp_path / "new" / name, engine="portable", scripts={"scripts/a.py": "print(1)\n"})
        for name in ("a.zip", "b.zip")
    )
    assert (made.path, made.notes) == (tmp_path / "new" / "a.zip", ())
    assert made.path.read_bytes() == again.path.read_bytes(), "the same inputs give the same bytes"
    files = contents(made.path)
    assert set(files) == set(made.files) == {
        "small.html", "small.pdf", "scripts/a.py", "results.json", "provenance.json", "manifest.json", "SHA256SUMS",
    }  # fmt: skip
    sums = dict(reversed(line.split("  ")) for line in files.pop("SHA256SUMS").decode().splitlines())
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest, provenance = json.loads(files["manifest.json"]), json.loads(files["provenance.json"])
    assert (manifest["authors"], manifest["date"], manifest["profile"]) == (["A. Student"], "2026-01-31", "full")
    assert (manifest["simulated"], manifest["dirty"]) == ([], False)
    assert manifest["commit"] == git(book, "rev-parse", "HEAD").strip()
    assert all(facts["sha256"] == sums[name] for name, facts in manifest["files"].items())
    result = run.stored("small/mean")
    assert result is not None and provenance["results"]["small/mean"]["key"] == result.key
    assert json.loads(files["results.json"]) == {"small/mean": {"mean": result.scalars["mean"], "none": None}}
    assert provenance["rows"]["prices"]["path"] == "prices.csv", "no path of this machine"
    page = files["small.html"].decode()
    assert outside_files(page) == [] and "Words of the appendix alone" in page and "A. Student" in page
    assert "result of it is 2." in page and "<math" in page and page.count('alt="A black box, ') == 2
    assert 'href="#fig-two"' in page and 'id="fig-two"' in page and 'href="#one"' in page
    (tmp_path / "small.pdf").write_bytes(files["small.pdf"])
    command = ["pdftotext", tmp_path / "small.pdf", "-"]
    words = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "The formula" in words and "Words of the appendix" not in words


def test_what_a_reader_must_know_is_told_and_recorded(book: Path, folder: Path, tmp_path: Path) -> None:
    (folder / "prices.csv").unlink()
    run.run()
    committed(book)
    (book / "index.qmd").write_text(INDEX + "\nMore.\n")
    made = submit(tmp_path / "a.zip", engine="portable")
    manifest = json.loads(contents(made.path)["manifest.json"])
    assert (manifest["simulated"], manifest["dirty"], manifest["uncommitted"]) == (["prices"], True, ["index.qmd"])
    assert "prices are simulated" in made.notes[0] and "Not committed: index.qmd" in made.notes[1]


@pytest.mark.skipif(find_quarto() is None, reason="needs Quarto on PATH")
def test_quarto_makes_one_page_numbered_as_the_book_and_runs_no_script_of_the_user(book: Path, tmp_path: Path) -> None:
    filters = book / "labcode" / "book" / "quarto"
    filters.mkdir(parents=True)
    (filters / "mark.lua").write_text(
        'function Str(el) if el.text == "formula" then return pandoc.Str "FORMULA" end end'
    )
    (book / "mine.py").write_text('open("ran.txt", "w")\nraise SystemExit("never here")\n')
    config = CONFIG.replace("{type: book,", "{type: book, pre-render: mine.py,")
    (book / "_quarto.yml").write_text(f"{config}filters: [labcode/book/quarto/mark.lua]\n")
    [page] = render(to=["onefile"], engine="quarto", out=tmp_path / "out")
    text = page.read_text("utf-8").replace("\u00a0", " ").replace("&nbsp;", " ")
    assert page.name == "small.html" and outside_files(text) == []
    assert ">Chapter 1</a>" in text and ">Figure 1.1</a>" in text and "The FORMULA" in text
    assert not (book / "_book").exists() and not (book / "ran.txt").exists()


def refused(book: Path, expected: str, name: str = "a.zip") -> None:
    """The hand-in is refused in a sentence, and nothing is written."""
    with pytest.raises(LabcodeError, match=expected):
        submit(book / name, engine="portable")
    assert not list(book.glob("*.zip")) and not (book / "dist").exists()


def test_missing_and_stale_results_are_refused(book: Path, tmp_path: Path, own_store: Path) -> None:
    source = tmp_path / "smalllab" / "numbers.py"
    source.write_text(source.read_text().replace("* 1", "* 2"))
    forget_experiments()
    refused(book, r"stale.* \(small/mean\); .*`labcode run`")
    shutil.rmtree(own_store / "results")
    refused(book, r"missing.* \(small/mean\); .*`labcode run`")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ONE.replace("1 + 1", "1 / 0"), r"chapters/one.qmd:\d+: ZeroDivisionError: division by zero"),
        (ONE.replace("A box that is black on a page that is white.", "A box."), "one.qmd:6: fig-two has no caption"),
    ],
)
def test_a_fault_of_the_report_is_refused_before_anything_is_rendered(book: Path, text: str, told: str) -> None:
    (book / "chapters" / "one.qmd").write_text(text)
    refused(book, told)


def test_the_quick_profile_and_a_broken_data_file_are_refused(
    book: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "prices.csv").write_text("a,b\n1,2\n")
    refused(book, "lacks the column 'date'")
    monkeypatch.setenv("LABCODE_PROFILE", "quick")
    refused(book, "profile is quick")


def test_a_target_that_cannot_be_written_is_one_sentence_and_leaves_nothing(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("hand-in.pdf", "hand-in", "."):
        refused(book, r"name a file that ends in \.zip", name)
    (book / "file").touch()
    refused(book, r"cannot be written to .*name another file", "file/a.zip")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("labcode.files.os.fsync", full)
    refused(book, "No space left on device.*name another file")


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<img src="a.png"><script src="https://x.org/b.js"></script>', ["a.png", "https://x.org/b.js"]),
        ('<link href="style.css"><style>p { background: url(c.png) }</style>', ["style.css", "c.png"]),
        ('<a href="#x"><a href="https://x.org"><a href="mailto:a@x.org"><img src="data:image/png,">', []),
        ("<script>let text = \"<img src='a.png'>\";</script>", []),
    ],
)
def test_what_a_page_needs_from_outside_is_found(html: str, expected: list[str]) -> None:
    assert outside_files(html) == expected
