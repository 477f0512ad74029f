"""The types that travel with the data: a frame, and where it came from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

Source = Literal["file", "download", "simulated"]
DatasetName = Literal["prices", "maintenance"]


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a frame came from, and what was found in it."""

    name: DatasetName
    #: The user's own file, a verified download, or the stand-in.
    source: Source
    #: File that was read; ``None`` for simulated rows.
    path: Path | None
    rows: int
    #: Hex digest of the file's bytes as they lie on disk; of simulated rows, of their values.
    sha256: str
    licence: str
    #: ``"verified copy"``, ``"unverified copy"`` or ``"simulated stand-in"``.
    status: str
    #: Odd rows by name of the oddity, and how each of them is treated.
    oddities: dict[str, int] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict)
    #: What else a reader should know, a sentence each: columns left out, a derived label, ...
    notes: tuple[str, ...] = ()
    #: Whether these are few of the published rows.
    partial: bool = False
    #: Of simulated rows: sentences on files whose names are nearly those that would have been read.
    unread: tuple[str, ...] = field(default=(), compare=False)

    def as_dict(self) -> dict[str, object]:
        """A JSON-ready copy, without what only concerns the folders of this machine."""
        facts = {**asdict(self), "path": str(self.path) if self.path else None, "notes": list(self.notes)}
        del facts["unread"]
        return facts

    @property
    def simulated(self) -> bool:
        """Whether the rows are the simulated stand-in."""
        return self.source == "simulated"


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A validated frame and its provenance."""

    frame: pd.DataFrame
    provenance: Provenance
