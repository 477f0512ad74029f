"""The live preview runs cells only when it must, shows every edit, and survives a broken one."""

from __future__ import annotations

import html
import http.server
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml

from labcode.book import preview as preview_room
from labcode.book.portable.preview import Handler, Preview
from labcode.book.preview import numeric
from labcode.book.render import Quarto
from labcode.settings import project_root

PAGE = """# Summary {.unnumbered}

Prose.

```{python}
#| echo: false
from pathlib import Path
from labcode.book import words
runs = Path("runs.txt")
runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
print(Path("words.txt").read_text())
```
"""


@pytest.fixture
def preview(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Preview:
    monkeypatch.setenv("LABCODE_PROFILE", "quick")
    root = tmp_path / "book"
    (root / "labcode").mkdir(parents=True)
    (root / "words.txt").write_text("first")
    (root / "_quarto.yml").write_text('book: {title: "T", chapters: [index.qmd]}\nformat: {html: default}\n')
    (root / "index.qmd").write_text(PAGE)
    (tmp_path / "site").mkdir()
    preview = Preview(root, tmp_path / "site")
    preview.update()
    return preview


def runs(preview: Preview) -> int:
    return len((preview.root / "runs.txt").read_text())


def page(preview: Preview) -> str:
    return (preview.site / "index.html").read_text("utf-8")


def test_prose_is_shown_without_running_a_cell(preview: Preview) -> None:
    source = preview.root / "index.qmd"
    source.write_text(PAGE.replace("Prose.", "Other prose."))
    preview.update()
    assert "Other prose." in page(preview) and runs(preview) == 1
    assert preview.version == 2


def test_changed_code_runs_the_cells_again(preview: Preview) -> None:
    (preview.root / "words.txt").write_text("second")
    preview.update()
    assert "second" in page(preview) and "first" not in page(preview) and runs(preview) == 2


def test_nothing_new_gives_no_new_version(preview: Preview) -> None:
    preview.update()
    assert preview.version == 1


def test_a_broken_edit_is_told_and_the_page_stays(preview: Preview, capsys: pytest.CaptureFixture[str]) -> None:
    (preview.root / "index.qmd").write_text(PAGE + "\n```{python}\n1 / 0\n```\n")
    preview.update()
    assert "index.qmd:15: cell failed: ZeroDivisionError" in capsys.readouterr().out
    assert "first" in page(preview) and preview.version == 2


FAULTS: list[tuple[str, str, str]] = [
    ("index.qmd", PAGE + "\n```{python}\n#|echo:false\n```\n", "index.qmd:15: 'echo:false' is no option"),
    (
        "index.qmd",
        PAGE + "\n{{< video <b>.mp4 >}}\n",
        "index.qmd:14: cannot expand the shortcode {{< video <b>.mp4 >}}",
    ),
    ("_quarto.yml", "book: [", "_quarto.yml:1: not YAML"),
    ("_quarto.yml", "{}", "not a Quarto book with a title"),
]


def test_every_fault_is_shown_in_the_page_and_the_preview_goes_on(preview: Preview, address: str) -> None:
    def seen() -> str:
        return urllib.request.urlopen(f"{address}/index.html").read().decode()

    for file, text, fault in FAULTS:
        before = (preview.root / file).read_text()
        (preview.root / file).write_text(text)
        preview.update()
        assert html.escape(fault) in seen() and "first" in seen()
        (preview.root / file).write_text(before)
    preview.update()
    assert 'role="alert"' not in seen() and runs(preview) == 1


def test_only_this_machine_is_served_and_no_folder_is_listed(preview: Preview, address: str) -> None:
    (preview.site / "media").mkdir(exist_ok=True)
    for path, host, code in (("/", "evil.example", 403), ("/media/", "localhost:1", 404), ("/../runs.txt", "", 403)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(f"{address}{path}", headers={"Host": host}))
        assert refused.value.code == code


def test_only_code_and_data_behind_results_are_numeric(tmp_path: Path) -> None:
    def asks(name: str) -> bool:
        return numeric([tmp_path / name], tmp_path)

    assert asks("labcode/nets/mlp.py") and asks("data/raw/prices.csv") and asks("lab.toml")
    assert not asks("labcode/book/plots.py") and not asks("chapters/eda.qmd")


@pytest.fixture
def address(preview: Preview) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, preview=preview))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_served_page_is_told_of_its_new_version(preview: Preview, address: str) -> None:
    assert b'data-from="/-/changes?1"' in urllib.request.urlopen(f"{address}/").read()
    assert b"EventSource" in urllib.request.urlopen(f"{address}/-/reload.js").read()
    with urllib.request.urlopen(f"{address}/-/changes?1", timeout=10) as told:
        assert told.readline() == b": open\n"
        preview.version += 1
        assert b"data: new\n" in told.read()


def test_a_page_that_is_old_already_is_told_at_once(preview: Preview, address: str) -> None:
    preview.version += 1  # between the page's loading and its asking
    assert b"data: new\n" in urllib.request.urlopen(f"{address}/-/changes?1", timeout=10).read()


def test_quartos_preview_is_told_of_edits_of_the_code(tmp_path: Path) -> None:
    told = preview_room._EDITED
    settings = yaml.safe_load((project_root() / "_quarto.yml").read_text("utf-8"))
    assert settings["labcode-edited"] == told
    assert not any(part.startswith(".") for part in Path(told).parts), "Quarto's preview looks at no hidden folder"
    source = tmp_path / "labcode/book/words.py"
    source.parent.mkdir(parents=True)
    source.write_text("first")
    quarto = tmp_path / "quarto"
    quarto.write_text(f"#!/bin/sh\nuntil [ -s {told} ]; do sleep 0.1; done\n")
    quarto.chmod(0o755)
    stop = threading.Event()

    def edit() -> None:  # the watch begins a moment after the preview
        while not stop.wait(0.5):
            source.write_text(source.read_text() + "x")

    threading.Thread(target=edit, daemon=True).start()
    assert preview_room._with_quarto(Quarto(path=quarto, version=(1, 9, 0)), tmp_path, []) == 0
    stop.set()
    assert not (tmp_path / told).exists()
