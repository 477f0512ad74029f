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
    """Where a frame came from, and what was found in it.

    Attributes
    ----------
    name
        ``"prices"`` or ``"maintenance"``.
    source
        ``"file"`` (the user's own), ``"download"`` (fetched and verified) or ``"simulated"`` (the stand-in).
    path
        File that was read; ``None`` for simulated data.
    rows
        Number of rows in the frame.
    sha256
        Hex digest of the file's bytes as they lie on disk; for simulated data, of the generated values.
    licence
        Licence of the data, as its publisher states it.
    status
        ``"verified copy"``, ``"unverified copy"`` or ``"simulated stand-in"``.
    oddities
        Row-level oddities by name, each with its number of rows.
    rules
        How each of the oddities is treated, in the same order.
    notes
        Anything else that a reader should know, one sentence each (extra columns left out, a derived label, ...).
    unread
        Of simulated rows: sentences on files beside, whose names are nearly those that would be read.
    """

    name: DatasetName
    source: Source
    path: Path | None
    rows: int
    sha256: str
    licence: str
    status: str
    oddities: dict[str, int] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
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
