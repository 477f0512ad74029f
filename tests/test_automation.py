"""The files that other machines run: every command in them exists here, and they ask for no more than they need."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import nbformat
import pytest
import typer
import yaml

from labcode.cli import app
from labcode.settings import project_root

ROOT = project_root()
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def check_command(line: str) -> None:
    """Parse a line as the shell and then make or labcode would; nothing is run."""
    words = [word for word in shlex.split(line) if not re.fullmatch(r"[A-Z_]+=.*", word)]
    program = Path(words[0]).name
    if program == "make":
        assert set(words[1:]) <= TARGETS, line
    elif program == "labcode":
        command: Any = typer.main.get_command(app)
        arguments = words[1:]
        while hasattr(command, "commands"):
            assert arguments and arguments[0] in command.commands, line
            command, arguments = command.commands[arguments[0]], arguments[1:]
        command.make_context(command.name, list(arguments))
    else:
        assert program in ("python", "python3", "mypy", "exec", "export", "set"), f"nothing here checks {line!r}"


def commands(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def jobs(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load(path.read_text("utf-8"))["jobs"].values())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_commands_that_exist_with_pinned_actions_few_rights_and_a_limit(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text("utf-8"))
    steps = [step for job in jobs(path) for step in job["steps"]]
    runs = [line for step in steps for line in commands(step.get("run", ""))]
    for line in runs:
        check_command(line)
    actions = [step["uses"] for step in steps if "uses" in step]
    assert all(re.fullmatch(r"[\w-]+/[\w./-]+@v\d+", action) for action in actions), actions
    assert runs or "actions/deploy-pages@v4" in actions
    assert workflow["permissions"] in ({}, {"contents": "read"}) and workflow["concurrency"]["group"]
    for job in jobs(path):
        assert job["timeout-minutes"] <= 180
        rights = job.get("permissions", workflow["permissions"])
        deploys = any("deploy-pages" in step.get("uses", "") for step in job["steps"])
        assert rights == ({"pages": "write", "id-token": "write"} if deploys else {"contents": "read"})


@pytest.mark.parametrize(
    "line", ["make nothing", "labcode nothing", "labcode render --no-such", "labcode new", "rm -rf x"]
)
def test_the_check_sees_a_command_that_does_not_exist(line: str) -> None:
    with pytest.raises(Exception):  # noqa: B017 (of several kinds: an assertion, or the parser's own)
        check_command(line)


def test_the_dev_container_and_binder_run_what_exists() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    check_command(container["postCreateCommand"])
    for name in ("postBuild", "start"):
        path = ROOT / "binder" / name
        assert path.stat().st_mode & 0o111, f"{name} must be executable"
        for line in commands(path.read_text("utf-8")):
            check_command(line)
    for line in commands((ROOT / "binder" / "requirements.txt").read_text("utf-8")):
        if line.startswith("-r "):
            assert (ROOT / "binder" / line[3:]).resolve() == ROOT / "requirements.lock"


def test_one_quarto_version_is_used_everywhere() -> None:
    used = [str(step["with"]["version"]) for path in WORKFLOWS for job in jobs(path) for step in job["steps"]
            if "quarto-actions" in step.get("uses", "")]  # fmt: skip
    features = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))["features"]
    used += [feature["version"] for name, feature in features.items() if "quarto" in name]
    assert len(used) == 4 and len(set(used)) == 1


def test_the_notebook_has_no_output_and_calls_a_command_that_exists() -> None:
    notebook = nbformat.read(ROOT / "binder" / "start.ipynb", as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)
    for cell in cells:
        compile(cell.source, "start.ipynb", "exec")
    called = re.search(r'"labcode\.cli", (.*?)\]', "\n".join(cell.source for cell in cells))
    assert called
    check_command("labcode " + " ".join(re.findall(r'"([^"]+)"', called[1])))
