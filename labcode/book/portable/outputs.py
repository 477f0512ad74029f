"""Write what a cell showed as Markdown that the Pandoc filter understands."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

from labcode.book.portable.reader import Cell, refuse_unbalanced
from labcode.errors import RenderError

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PICTURES = {
    "image/svg+xml": ".svg",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
}
#: Where an object lies in memory, or a cell in a temporary file, differs at each render, and tells nothing.
_PASSING = re.compile(r"(?: at 0|(?<=\.\.\.))x[0-9a-fA-F]{6,}|\S*/ipykernel_\d+/\d+\.py:")
_DRAWN = re.compile(r"\[?<(matplotlib\.|seaborn\.|Axes|Figure)|\(<Figure")
_SCRIPT = re.compile(r"<script\b.*?</script\s*>|<link\b[^>]*>", re.DOTALL | re.IGNORECASE)
_STYLE = re.compile(r"<style\b[^>]*>(.*?)</style\s*>", re.DOTALL | re.IGNORECASE)
#: A style that pandas gives each of its tables; of others, such as a Styler's, the engine knows nothing.
_OF_PANDAS = re.compile(r"\s*(\.dataframe [^{}]*\{[^{}]*\}\s*)*")
_OWN_STYLE = re.compile(r' style="(?!text-align: \w+;?")')


def cell_markdown(cell: Cell, stem: str, work: Path) -> str:
    """Markdown of a cell: its code, and its outputs as a figure or table if its label or caption says so.

    The names of its pictures begin with `stem`, relative to `work`.

    Raises
    ------
    RenderError
        If it shows what cannot be put on a page and into a PDF, or has a caption and shows nothing.
    """
    options = cell.options
    if not options["include"]:
        return ""
    code = _code(cell) if options["echo"] else ""
    body = "\n\n".join(_shown(cell, stem, work)) if options["output"] else ""
    refuse_unbalanced([cell.lines[0]._replace(text=text) for text in body.splitlines()])
    label, caption = str(options.get("label", "")), _caption(cell)
    kind = label.partition("-")[0]
    if body and (kind in ("fig", "tbl") or caption):
        ours = f"#{label} " if kind in ("fig", "tbl") else ""
        kind = kind if ours else "tbl" if "tbl-cap" in options else "fig"
        body = f"::::: {{{ours}.captioned kind={kind}}}\n\n{body}\n\n:::: cell-caption\n{caption}\n::::\n\n:::::"
    elif options["output"] and options["eval"] and (kind in ("fig", "tbl") or caption):
        raise RenderError(f"{cell.lines[0]}: the cell has a label or caption, but shows nothing")
    text = f"\n:::::: {{.cell source={_quoted(cell.lines[0])}}}\n\n{code}\n\n{body}\n\n::::::\n" if cell.lines else ""
    return "".join(cell.indent + line if line.strip() else line for line in text.splitlines(keepends=True))


def _caption(cell: Cell) -> str:
    given = [str(cell.options[name]) for name in ("fig-cap", "tbl-cap") if name in cell.options]
    if len(given) > 1:
        raise RenderError(f"{cell.lines[0]}: the portable engine shows one caption of a cell, not fig-cap and tbl-cap")
    return given[0] if given else ""


def _shown(cell: Cell, stem: str, work: Path) -> list[str]:
    drawn = any({*_PICTURES} & {*out.get("data", ())} for out in cell.outputs)
    outputs = [
        out
        for out in cell.outputs
        if not (drawn and _DRAWN.match(out.get("data", {}).get("text/plain", ""))) or {*_PICTURES} & {*out["data"]}
    ]
    shown = [_output(out, cell, f"{stem}-{n}", work) for n, out in enumerate(outputs)]
    themes = cell.options.get("renderings", [])
    at = [n for n, out in enumerate(outputs) if out["output_type"] != "stream"]
    if themes and outputs and len(themes) != len(at):
        raise RenderError(f"{cell.lines[0]}: renderings names {len(themes)} outputs, but the cell shows {len(at)}")
    for n, theme in zip(at, themes, strict=False):
        shown[n] = f"::: {{.{theme}-content}}\n\n{shown[n]}\n\n:::"
    return [each for each in shown if each]


def _code(cell: Cell) -> str:
    fold = str(cell.options["code-fold"]).lower()
    summary = _quoted(cell.options.get("code-summary", "Code"))
    return _fenced(cell.code, f'{{.python .cell-code code-fold="{fold}" code-summary={summary}}}') if cell.code else ""


def _output(out: dict[str, Any], cell: Cell, stem: str, work: Path) -> str:
    asis = cell.options["output"] == "asis"
    if out["output_type"] == "error":
        return _fenced(ANSI.sub("", "\n".join(out["traceback"])), "{.cell-output}")
    if out["output_type"] == "stream":
        text = re.sub(r"[^\n]*\r(?!\n)", "", ANSI.sub("", out["text"]))
        hidden = out["name"] == "stderr" and not cell.options["warning"]
        return "" if hidden else _markdown(text, cell) if asis else _fenced(text.rstrip("\n"), "{.cell-output}")
    data = out["data"]
    plain = ANSI.sub("", data.get("text/plain", ""))
    if kind := next((kind for kind in _PICTURES if kind in data), None):
        return _picture(out, kind, stem, cell, work)
    if "text/markdown" in data:
        return _markdown(data["text/markdown"], cell)
    if other := [kind for kind in data if kind.startswith("application/") or kind == "text/javascript"]:
        raise RenderError(f"{cell.lines[0]}: the cell shows {other[0]}, which needs a script; show a picture instead")
    if "text/html" in data:
        return _html(data["text/html"], plain, cell)
    if "text/latex" in data:
        return _fenced(data["text/latex"], "{=cell-latex}")
    return _markdown(plain, cell) if asis else _fenced(plain, "{.cell-output}")


def _markdown(text: str, cell: Cell) -> str:
    if "{{<" in text:
        raise RenderError(f"{cell.lines[0]}: the cell shows a shortcode, which the portable engine cannot expand")
    return lasting(text)


def _html(html: str, plain: str, cell: Cell) -> str:
    """A table as Pandoc reads it for both formats; other HTML for the page, and the object's text for the PDF."""
    page = lasting(_SCRIPT.sub("", html))
    plainer = _STYLE.sub("", page)
    if re.match(r"\s*(<div[^>]*>\s*)*<table", plainer):
        if not all(map(_OF_PANDAS.fullmatch, _STYLE.findall(page))) or _OWN_STYLE.search(plainer):
            raise RenderError(f"{cell.lines[0]}: the portable engine cannot follow a table's style; show it without")
        table = re.sub(r"<td>(?=[^\w<]*\d[\d.,]*[^\w<]*</td>)", '<td style="text-align: right">', plainer)
        return _fenced(re.sub(r' (id|class)="[^"]*"', "", table), "{=html}")
    bare = re.sub(r"<[^>]*>|\s|&nbsp;", "", plainer)
    if not bare or re.search(r"<(iframe|canvas|video|audio|object|embed)\b", page):
        raise RenderError(f"{cell.lines[0]}: the cell shows HTML that a script or another site draws; show a picture")
    paper = _fenced(plain, "{.cell-output}") if not re.match(r"<.*>$", plain) else _fenced(page, "{=cell-html}")
    return _only("html", _fenced(page, "{=cell-page}")) + "\n\n" + _only("typst", paper)


def _only(form: str, text: str) -> str:
    return f'::: {{.content-visible when-format="{form}"}}\n{text}\n:::'


def _picture(out: dict[str, Any], kind: str, stem: str, cell: Cell, work: Path) -> str:
    content, file = out["data"][kind], stem + _PICTURES[kind]
    (work / file).parent.mkdir(exist_ok=True)
    (work / file).write_bytes(content.encode() if kind == "image/svg+xml" else base64.b64decode(content))
    size = out.get("metadata", {}).get(kind, {})
    width = f" width={size['width']}px" if "width" in size else ""
    return f"![](/{file}){{alt={_quoted(cell.options.get('fig-alt', ''))}{width}}}"


def _fenced(text: str, attributes: str) -> str:
    """The text as a code block, behind a fence longer than any in it."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return f"{fence} {attributes}\n{lasting(text)}\n{fence}"


def lasting(text: str) -> str:
    """The text of an output without what differs at each render.

    >>> lasting("<a.B object at 0x7f12345678>, /tmp/ipykernel_12/34.py:7: UserWarning")
    '<a.B object>, 7: UserWarning'
    """
    return _PASSING.sub("", text)


def _quoted(value: object) -> str:
    text = " ".join(str(value).split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
