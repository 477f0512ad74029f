"""The hand-in: one zip with the report as one page and as PDF, the numbers, where they come from, and checksums.

It holds what is true of the sources now or it is not made: whatever would spoil it is refused first, in one sentence.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labcode import __version__, settings
from labcode.book import edition, environment
from labcode.book.check_book import refuse_faults
from labcode.book.edition import TitlePage, title_page
from labcode.book.render import Engine, Format, choose_engine, render
from labcode.errors import LabcodeError
from labcode.files import write_whole

if TYPE_CHECKING:
    from labcode.results.run import Provenance
    from labcode.results.store import Result

#: What each file of the hand-in is, for its manifest.
CONTENTS = {
    "html": "the whole report, appendices included, as one page that needs no other file and no network",
    "pdf": "the report that is handed in",
    "py": "a task of the lab as a script that needs nothing of this project",
    "results.json": "the numbers behind the report, by experiment",
    "provenance.json": "rows, code, settings and libraries that the numbers were computed from",
}


@dataclass(frozen=True, kw_only=True)
class Handin:
    """A hand-in that was written: the zip, the names of the files in it, and what its reader should be told."""

    path: Path
    files: tuple[str, ...]
    notes: tuple[str, ...]


def submit(out: Path | None = None, *, engine: Engine = "auto", scripts: Mapping[str, str] | None = None) -> Handin:
    """Check the report, render it from the sources as they are, and pack the hand-in.

    Parameters
    ----------
    out
        The zip to write; ``dist/<title>.zip`` in the project by default. It is replaced only when all went well.
    engine
        As for :func:`labcode.book.render.render`.
    scripts
        Names and texts of further files, such as ``scripts/regression.py``.

    Raises
    ------
    LabcodeError
        If the profile is quick, the author is missing or a placeholder, the date is missing, results are missing or
        stale, `labcode check` finds a fault, the render fails, or the zip cannot be written.
    """
    from labcode.results import run

    if settings.profile() == "quick":
        raise LabcodeError(
            "The profile is quick: its numbers come from a few simulated rows; unset LABCODE_PROFILE to hand in."
        )
    root = settings.project_root()
    front = title_page(root)
    path = _target(root, out, front.stem)
    refuse_faults(root)
    results = {name: result for name, result in run.survey().items() if result is not None}
    data = {str(name): run.rows(name).provenance for name in run.datasets()}
    origin = {"engine": str(choose_engine(engine)[0] or "portable"), **git_state(root)}
    with tempfile.TemporaryDirectory(prefix="labcode-") as folder:
        page = _rendered("full", "onefile", engine, Path(folder), fresh=True)
        pdf = _rendered("handin", "pdf", engine, Path(folder) / "handin")
    files = {f"{front.stem}.html": page, f"{front.stem}.pdf": pdf}
    files |= {name: text.encode() for name, text in (scripts or {}).items()}
    files["results.json"] = environment.results_text(results).encode()
    files["provenance.json"] = _json(provenance(results, data))
    files["manifest.json"] = _json(manifest(front, files, data, origin))
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    files["SHA256SUMS"] = sums.encode()
    try:
        write_whole(path, packed(files, front.day))
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    return Handin(path=path, files=tuple(files), notes=tuple(_notes(data, origin)))


def _rendered(which: edition.Edition, to: Format, engine: Engine, out: Path, *, fresh: bool = False) -> bytes:
    """An edition in one format."""
    with edition.chosen(which):
        return render(to=(to,), engine=engine, out=out, fresh=fresh)[0].read_bytes()


def git_state(root: Path) -> dict[str, object]:
    """The commit, and the files that differ from it; ``None`` where git cannot tell."""
    try:
        commit = _git(root, "rev-parse", "HEAD").strip()
        lines = _git(root, "status", "--porcelain", "--untracked-files=all", "--", ".").splitlines()
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None, "uncommitted": []}
    changed = sorted(line[3:] for line in lines)
    return {"commit": commit, "dirty": bool(changed), "uncommitted": changed}


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-c", "core.quotepath=off", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=True).stdout


def provenance(results: Mapping[str, Result], data: Mapping[str, Provenance]) -> dict[str, object]:
    """What the numbers were computed from; of a path, only the name of the file."""
    kept = ("device", "seconds", "versions", "code", "spec", "sources", "data", "needs")
    return {
        "rows": {
            name: {**facts.as_dict(), "path": facts.path.name if facts.path else None} for name, facts in data.items()
        },
        "rendered_with": environment.versions()[""].to_dict(),
        "results": {
            name: {"key": result.key, **{part: result.meta.get(part) for part in kept}}
            for name, result in results.items()
        },
    }


def manifest(
    front: TitlePage, files: Mapping[str, bytes], data: Mapping[str, Provenance], origin: Mapping[str, object]
) -> dict[str, object]:
    """What the zip holds, who made it, and what a reader should know before believing it."""
    return {
        "title": front.title,
        "authors": list(front.authors),
        "date": front.day.isoformat(),
        "labcode": __version__,
        "profile": settings.profile(),
        "simulated": [name for name, facts in data.items() if facts.simulated],
        **origin,
        "files": {
            name: {
                "what": CONTENTS.get(name) or CONTENTS[name.rpartition(".")[2]],
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            for name, content in files.items()
        },
    }


def _notes(data: Mapping[str, Provenance], origin: Mapping[str, Any]) -> list[str]:
    notes = []
    if simulated := [name for name, facts in data.items() if facts.simulated]:
        notes.append(
            f"The rows of {' and '.join(simulated)} are simulated: nothing computed from them is a finding. "
            "`labcode data fetch` gets the real rows."
        )
    if changed := origin["uncommitted"]:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        notes.append(f"Not committed: {', '.join(changed[:3])}{more}; the manifest says `dirty: true`.")
    if origin["commit"] is None:
        notes.append("No git commit was found; the manifest names none.")
    return notes


def packed(files: Mapping[str, bytes], day: date) -> bytes:
    """A zip of the files, the same bytes for the same contents: fixed times, order and permissions."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, date_time=(max(day.year, 1980), day.month, day.day, 0, 0, 0))
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def _target(root: Path, out: Path | None, stem: str) -> Path:
    path = (out or root / "dist" / f"{stem}.zip").expanduser().resolve()
    if path.suffix.lower() != ".zip" or path.is_dir():
        raise LabcodeError(f"--out is {path}, which cannot be the hand-in; name a file that ends in .zip.")
    nearest = next(folder for folder in path.parents if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise _unwritable(path, f"{nearest} is not a folder that can be written")
    return path


def _unwritable(path: Path, reason: str) -> LabcodeError:
    return LabcodeError(f"The hand-in cannot be written to {path} ({reason}); name another file with --out.")


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n").encode()
