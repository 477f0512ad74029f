"""The line that says which rows a page was computed from."""

from __future__ import annotations

from pathlib import Path

import pytest

from labcode.data.types import Provenance
from labcode.lab.provenance import data_line


def facts(**changes: object) -> Provenance:
    given = {
        "name": "prices",
        "source": "file",
        "path": Path("/somewhere/prices.csv"),
        "rows": 1234,
        "sha256": "ab" * 32,
        "licence": "CC0",
        "status": "verified copy",
    }
    return Provenance(**{**given, **changes})  # type: ignore[arg-type]


def test_real_rows_get_a_quiet_line_without_the_users_folder() -> None:
    line = data_line(facts(), in_every_edition=True).data.replace("\\", "")  # text from data is escaped
    assert "prices.csv (verified copy), 1,234 rows" in line
    assert "/somewhere" not in line
    assert "callout" not in line


def test_simulated_rows_get_a_callout(monkeypatch: pytest.MonkeyPatch) -> None:
    line = data_line(facts(source="simulated", path=None), facts(name="maintenance")).data
    assert "callout-warning" in line
    assert "NYSE prices on this page are **simulated**" in line
    monkeypatch.setenv("LABCODE_PROFILE", "quick")
    assert "quick profile" in data_line(facts(source="simulated", path=None)).data


def test_what_is_handed_in_names_its_files_once_and_warns_of_simulated_rows_on_every_page() -> None:
    assert data_line(facts()).data.startswith('::: {.content-visible when-profile="full"}')
    assert not data_line(facts(), in_every_edition=True).data.startswith(":::")
    assert "when-profile" not in data_line(facts(source="simulated", path=None)).data
