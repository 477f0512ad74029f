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


@pytest.fixture
def address(preview: Preview) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, preview=preview))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def state(preview: Preview) -> tuple[int, int]:
    """How often the cells ran, and the version of the book."""
    return len((preview.root / "runs.txt").read_text()), preview.version


def page(preview: Preview) -> str:
    return (preview.site / "index.html").read_text("utf-8")


def test_cells_run_again_for_changed_code_alone(preview: Preview) -> None:
    preview.update()
    assert state(preview) == (1, 1), "nothing is new"
    (preview.root / "index.qmd").write_text(PAGE.replace("Prose.", "Other prose."))
    preview.update()
    assert "Other prose." in page(preview) and state(preview) == (1, 2)
    (preview.root / "words.txt").write_text("second")
    preview.update()
    assert "second" in page(preview) and "first" not in page(preview) and state(preview) == (2, 3)


FAULTS: list[tuple[str, str, str]] = [
    ("index.qmd", PAGE + "\n```{python}\n1 / 0\n```\n", "index.qmd:15: cell failed: ZeroDivisionError"),
    ("index.qmd", PAGE + "\n```{python}\n#|echo:false\n```\n", "index.qmd:15: 'echo:false' is no option"),
    (
        "index.qmd",
        PAGE + "\n{{< video <b>.mp4 >}}\n",
        "index.qmd:14: cannot expand the shortcode {{< video <b>.mp4 >}}",
    ),
    ("_quarto.yml", "book: [", "_quarto.yml:1: not YAML"),
    ("_quarto.yml", "{}", "not a Quarto book with a"),
]


def test_every_fault_is_shown_in_the_page_and_the_preview_goes_on(
    preview: Preview, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def seen() -> str:
        return urllib.request.urlopen(f"{address}/index.html").read().decode()

    for file, text, fault in FAULTS:
        before = (preview.root / file).read_text()
        (preview.root / file).write_text(text)
        preview.update()
        assert html.escape(fault) in seen() and "first" in seen() and fault in capsys.readouterr().out
        (preview.root / file).write_text(before)
    preview.update()
    assert 'role="alert"' not in seen()


def test_only_this_machine_is_served_and_no_folder_is_listed(preview: Preview, address: str) -> None:
    (preview.site / "media").mkdir(exist_ok=True)
    for path, host, code in (("/", "evil.example", 403), ("/media/", "localhost:1", 404), ("/../runs.txt", "", 403)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(f"{address}{path}", headers={"Host": host}))
        assert refused.value.code == code


def test_a_served_page_asks_for_its_new_version(preview: Preview, address: str) -> None:
    assert b'data-version="1"' in urllib.request.urlopen(f"{address}/").read()
    assert b"location.reload" in urllib.request.urlopen(f"{address}/-/reload.js").read()
    preview.version += 1
    assert urllib.request.urlopen(f"{address}/-/version").read() == b"2"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, True) for name in ("labcode/nets/mlp.py", "data/raw/prices.csv", "lab.toml")),
        *((name, False) for name in ("labcode/book/plots.py", "chapters/eda.qmd")),
    ],
)
def test_only_code_and_data_behind_results_are_numeric(tmp_path: Path, name: str, expected: bool) -> None:
    assert numeric([tmp_path / name], tmp_path) == expected


def test_quartos_preview_is_told_of_edits_of_the_code(tmp_path: Path) -> None:
    told = preview_room._EDITED
    settings = yaml.safe_load((project_root() / "_quarto.yml").read_text("utf-8"))
    assert settings["labcode-edited"] == told and not told.startswith("."), "Quarto looks at no hidden folder"
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
