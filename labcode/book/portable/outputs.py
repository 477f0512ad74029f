"""Write what a cell showed as Markdown that the Pandoc filter understands."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

from labcode.book.portable.reader import Cell

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PICTURES = {"image/svg+xml": ".svg", "image/png": ".png", "image/jpeg": ".jpg"}


def cell_markdown(cell: Cell, stem: str, work: Path) -> str:
    """Markdown of a cell: its code, and its outputs as a figure or table if its label says so.

    Parameters
    ----------
    cell : Cell
        A cell that was run, or not, with all its options.
    stem : str
        Start of the names of its pictures, relative to `work`.
    work : Path
        Folder for the pictures.
    """
    options = cell.options
    if not options["include"]:
        return ""
    code = _code(cell) if options["echo"] else ""
    outputs = cell.outputs if options["output"] else []
    shown = [_output(out, options, f"{stem}-{n}", work) for n, out in enumerate(outputs)]
    names = iter(options.get("renderings", []))
    for n, out in enumerate(outputs):
        if out["output_type"] != "stream" and (theme := next(names, None)):
            shown[n] = f"::: {{.{theme}-content}}\n\n{shown[n]}\n\n:::"
    body = "\n\n".join(filter(None, shown))
    label = str(options.get("label", ""))
    if body and (kind := label.partition("-")[0]) in ("fig", "tbl"):
        body = f"::: {{#{label}}}\n\n{body}\n\n{options.get(f'{kind}-cap', '')}\n\n:::"
    return f"\n::: {{.cell}}\n\n{code}\n\n{body}\n\n:::\n"


def _code(cell: Cell) -> str:
    fold = str(cell.options["code-fold"]).lower()
    summary = _quoted(cell.options.get("code-summary", "Code"))
    return _fenced(cell.code, f'{{.python .cell-code code-fold="{fold}" code-summary={summary}}}') if cell.code else ""


def _output(out: dict[str, Any], options: dict[str, Any], stem: str, work: Path) -> str:
    asis = options["output"] == "asis"
    if out["output_type"] == "error":
        return _fenced(ANSI.sub("", "\n".join(out["traceback"])), "{.cell-output}")
    if out["output_type"] == "stream":
        text = re.sub(r"[^\n]*\r(?!\n)", "", ANSI.sub("", out["text"]))
        hidden = out["name"] == "stderr" and not options["warning"]
        return "" if hidden else text if asis else _fenced(text.rstrip("\n"), "{.cell-output}")
    data = out["data"]
    if kind := next((kind for kind in _PICTURES if kind in data), None):
        return _picture(out, kind, stem, options, work)
    if "text/markdown" in data:
        return str(data["text/markdown"])
    if "text/html" in data:
        return _fenced(data["text/html"], "{=html}")
    text = ANSI.sub("", data.get("text/plain", ""))
    return text if asis else _fenced(text, "{.cell-output}")


def _picture(out: dict[str, Any], kind: str, stem: str, options: dict[str, Any], work: Path) -> str:
    content, file = out["data"][kind], stem + _PICTURES[kind]
    (work / file).parent.mkdir(exist_ok=True)
    (work / file).write_bytes(content.encode() if kind == "image/svg+xml" else base64.b64decode(content))
    size = out.get("metadata", {}).get(kind, {})
    width = f" width={size['width']}px" if "width" in size else ""
    return f"![](/{file}){{alt={_quoted(options.get('fig-alt', ''))}{width}}}"


def _fenced(text: str, attributes: str) -> str:
    """The text as a code block, behind a fence longer than any in it."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return f"{fence} {attributes}\n{text}\n{fence}"


def _quoted(value: object) -> str:
    text = " ".join(str(value).split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
