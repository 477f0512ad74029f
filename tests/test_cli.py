"""The command line, run as a user runs it: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from labcode.cli import app

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = "run, results, render, preview, check, submit, doctor, notebook, bench"
GROUPS = "data status, data fetch, new chapter, store prune"


def labcode(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "labcode.cli", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("command", f"{COMMANDS}, {GROUPS}".split(", "))
def test_every_command_has_help(command: str) -> None:
    answer = CliRunner().invoke(app, [*command.split(), "--help"])
    assert answer.exit_code == 0 and "Usage" in answer.output


def test_status_tells_source_path_rows_checksum_and_oddities(folder: Path, good_prices: pd.DataFrame) -> None:
    good_prices.to_csv(folder / "prices.csv", index=False)
    answer = labcode("data", "status", "--json")
    assert answer.returncode == 0, answer.stderr
    facts = json.loads(answer.stdout)
    assert set(facts) == {"prices", "maintenance"}
    for fact in facts.values():
        assert {"source", "path", "rows", "sha256", "licence", "oddities"} <= set(fact)
    assert (facts["prices"]["source"], facts["prices"]["path"]) == ("file", str(folder / "prices.csv"))
    assert (facts["maintenance"]["source"], facts["maintenance"]["path"]) == ("simulated", None)
    told = labcode("data", "status").stdout
    assert "prices: unverified copy, 300 rows" in told and f"sha256 {facts['prices']['sha256']}" in told
    assert "nothing to download" in labcode("data", "fetch", "prices").stdout, "a user's own file is left alone"


def test_a_refused_file_gives_its_sentence_on_stderr_and_exit_code_2(folder: Path) -> None:
    (folder / "prices.csv").write_text("a,b\n1,2\n")
    answer = labcode("data", "status", "--json")
    assert answer.returncode == 2
    assert "lacks the column 'date'" in answer.stderr and "Traceback" not in answer.stderr
    assert set(json.loads(answer.stdout)) == {"maintenance"}, "the other data set is still reported"


@pytest.mark.parametrize(
    ("command", "environment", "expected"),
    [
        ("render nosuch", {}, "no chapter 'nosuch'; the chapters are audit, cards, classification, conclusion, eda"),
        ("render --engine quarto", {"PATH": "/nowhere"}, "Quarto was not found on PATH"),
        ("render eda --to onefile", {}, "leave the names of chapters out"),
        ("submit", {"LABCODE_PROFILE": "quick"}, "The profile is quick"),
        ("new chapter eda", {}, "There is a chapter 'eda' already"),
        ("data status", {"LABCODE_PROFILE": "fast"}, "LABCODE_PROFILE is 'fast'"),
        ("data status", {"LABCODE_DATA_DIR": "/no/such"}, "LABCODE_DATA_DIR names '/no/such'"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(command: str, environment: dict[str, str], expected: str) -> None:
    answer = labcode(*command.split(), **environment)
    assert answer.returncode == 2
    assert expected in answer.stderr and "Traceback" not in answer.stderr


def test_pruning_says_what_it_removes_and_a_dry_run_removes_nothing(own_store: Path) -> None:
    damaged = own_store / "results" / "regression" / "sound" / "damaged.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{}")
    for option, said, there in (("--dry-run", "Would remove", True), ("", "Removed", False)):
        answer = CliRunner().invoke(app, ["store", "prune", *option.split()])
        assert answer.output == f"{said} 1 of 1 results, 0.0 MB.\n" and damaged.exists() == there
