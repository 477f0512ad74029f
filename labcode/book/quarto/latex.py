"""The book's PDF by LaTeX, which Quarto writes where it is asked for: ``labcode render --to latex``."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from labcode.errors import RenderError

#: Not in the book's own folder, where a PDF of the same name may lie that Typst has made.
_WORK = ".quarto/latex"
#: Where TinyTeX lies in the user's home: Quarto finds it there by itself.
_TINYTEX = (".TinyTeX", "Library/TinyTeX", "AppData/Roaming/TinyTeX")


def require_tex() -> None:
    """Make sure that what LaTeX needs is here.

    Raises
    ------
    RenderError
        If LuaLaTeX or the converter of figures is missing; the message says which, and how to get them.
    """
    missing = [name for name, found in (("lualatex", _lualatex), ("rsvg-convert", _rsvg_convert)) if not found()]
    if missing:
        raise RenderError(
            f"--to latex needs {' and '.join(missing)}, not found on PATH; install texlive-luatex, "
            "texlive-latex-extra, lmodern and librsvg2-bin (Debian's names), or let Typst make the PDF: "
            "labcode render --to pdf."
        )


def _rsvg_convert() -> bool:
    return shutil.which("rsvg-convert") is not None


def _lualatex() -> bool:
    """Whether there is a LuaLaTeX on ``PATH``, or in TinyTeX."""
    folders = (Path.home() / each / "bin" for each in _TINYTEX)
    return shutil.which("lualatex") is not None or any(any(each.glob("*/lualatex*")) for each in folders)


def render(run: Callable[[list[str]], None], root: Path, out: Path) -> Path:
    """Render the whole book by LaTeX into `out`, as ``…-latex.pdf`` beside the PDF that Typst makes.

    Parameters
    ----------
    run
        Runs Quarto; called with the arguments after ``quarto render``.
    root
        The project.
    out
        Folder to write into.

    Raises
    ------
    RenderError
        If a program that LaTeX needs is missing, or the render fails.
    """
    require_tex()
    run(["--to", "pdf", "--output-dir", _WORK])
    found = sorted((root / _WORK).glob("*.pdf"))
    if not found:
        raise RenderError(f"Quarto ended well but wrote no PDF into {root / _WORK}.")
    out.mkdir(parents=True, exist_ok=True)
    return Path(shutil.move(found[0], out / f"{found[0].stem}-latex.pdf"))
