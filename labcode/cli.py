"""The command line: `labcode …`. It knows everything, and nothing knows it."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from labcode.errors import DownloadError, LabcodeError

app = typer.Typer(
    help="A deep-learning lab done twice: as submitted, and soundly. `labcode COMMAND --help` tells more.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="The rows: where they come from, and whether they can be used.", no_args_is_help=True)
store_app = typer.Typer(help="What was computed, and how much room it takes.", no_args_is_help=True)
new_app = typer.Typer(help="New files for the book, from a template.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(store_app, name="store")
app.add_typer(new_app, name="new")

DataName = StrEnum("DataName", ["prices", "maintenance"])
BenchName = StrEnum("BenchName", ["training", "peers", "tuning", "render"])
Chapters = Annotated[list[str] | None, typer.Argument(help="Chapters, such as `eda`; all by default.")]
Experiments = Annotated[list[str] | None, typer.Argument(help="Names, or such as 'regression/*'; all by default.")]
Engine = Annotated[
    Literal["auto", "quarto", "portable"], typer.Option(help="auto: Quarto where it is found, else portable.")
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable.")]


@data_app.command()
def status(as_json: Json = False) -> None:
    """Show which rows would be used, and what is odd about them; exits with 2 if a file must be refused."""
    from labcode.data.maintenance import load_maintenance
    from labcode.data.prices import load_prices

    facts: dict[str, dict[str, Any]] = {}
    refused = []
    for name, load in (("prices", load_prices), ("maintenance", load_maintenance)):
        try:
            provenance = load().provenance
            facts[name] = {**provenance.as_dict(), "unread": provenance.unread}
        except LabcodeError as error:
            refused.append(str(error))
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        for name, fact in facts.items():
            print(f"{name}: {fact['status']}, {fact['rows']:,} rows" + (f", {fact['path']}" if fact["path"] else ""))
            oddities = [f"{rows:>6,}  {oddity}" for oddity, rows in fact["oddities"].items()]
            for line in (f"sha256 {fact['sha256']}", *oddities, *fact["notes"], *fact["unread"]):
                print(f"  {line}")
    if refused:
        raise LabcodeError("\n".join(refused))


@data_app.command()
def fetch(names: Annotated[list[DataName] | None, typer.Argument(help="Data sets; all by default.")] = None) -> None:
    """Download and verify the real rows; says what to do by hand where that does not work."""
    from labcode.data import fetch as fetching
    from labcode.data.maintenance import MAINTENANCE
    from labcode.data.prices import PRICES
    from labcode.data.sources import find_file

    failures = []
    for spec in [spec for spec in (PRICES, MAINTENANCE) if not names or spec.name in names]:
        try:
            if path := find_file(spec):
                print(f"{spec.name}: {path} is there already and is used; nothing to download.")
            else:
                print(f"{spec.name}: {fetching.fetch(fetching.load_source(spec.name), progress=sys.stderr.isatty())}")
        except DownloadError as error:
            failures.append(f"{spec.name}: {error}")
    if failures:
        raise DownloadError("\n\n".join(failures))


@app.command()
def run(
    names: Experiments = None,
    cluster: Annotated[
        str | None, typer.Option(help="Train on a dask cluster: its scheduler's address, or local:N for N processes.")
    ] = None,
) -> None:
    """Compute the results that are not stored yet; what an interrupted run finished is kept."""
    from labcode.results import run as experiments
    from labcode.results.progress import RunDisplay

    display = RunDisplay()
    try:
        with ExitStack() as stack:
            if cluster:
                from labcode.results.cluster import connect

                print(f"{stack.enter_context(connect(cluster)).count} workers at {cluster}")
            stack.enter_context(display.bar)
            experiments.run(names or (), display)
    except KeyboardInterrupt:
        print("labcode: interrupted; what is finished is kept, and the same command resumes.", file=sys.stderr)
        raise typer.Exit(130) from None
    if lost := experiments.unstored():
        raise LabcodeError(f"Computed, but not stored: {', '.join(lost)}; mend what is said above, then run it again.")


@app.command()
def results(
    names: Experiments = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable; NaN and infinity become null.")] = False,
) -> None:
    """Show the figures that are stored; computes nothing, and names what is missing."""
    from labcode.book.environment import results_text
    from labcode.results.run import survey

    found = survey(names or ())
    if as_json:
        print(results_text(found), end="")
    else:
        _print_scalars({name: result.scalars for name, result in found.items() if result is not None})
    missing = [name for name, result in found.items() if result is None]
    if missing:
        print(f"labcode: not computed yet: {', '.join(missing)}; `labcode run` computes them.", file=sys.stderr)


def _print_scalars(scalars: dict[str, dict[str, float | int | str]]) -> None:
    table = Table("experiment", "metric", box=None)
    table.add_column("value", justify="right")
    for name, values in scalars.items():
        for metric, value in values.items():
            table.add_row(name, metric, f"{value:.6g}" if isinstance(value, float) else str(value))
    if table.rows:
        Console(width=None if sys.stdout.isatty() else 200, markup=False, highlight=False).print(table)


@app.command()
def render(
    chapters: Chapters = None,
    to: Annotated[
        Literal["html", "pdf", "all", "onefile"],
        typer.Option(help="What to write; all is HTML and PDF, onefile one page that holds everything."),
    ] = "all",
    engine: Engine = "auto",
    edition: Annotated[
        Literal["full", "handin"] | None,
        typer.Option(help="full: with the appendices; handin: what is handed in. That of QUARTO_PROFILE, or full."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write into; _book by default.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run every cell, also where nothing has changed.")] = False,
) -> None:
    """Render the report into _book/."""
    from labcode.book import edition as editions
    from labcode.book.render import render as render_book

    with editions.chosen(edition or editions.edition()):
        for path in render_book(
            chapters or (), to=("html", "pdf") if to == "all" else (to,), engine=engine, out=out, fresh=fresh
        ):
            print(f"Written: {path}")


@app.command()
def check(
    chapters: Chapters = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only faults and the counts.")] = False,
) -> None:
    """Try every check, value and label on the stored results; trains nothing, exits with 1 if anything is wrong."""
    from labcode.book.check_book import check_book

    found = check_book(chapters=chapters or ())
    if not quiet:
        print(*found.checks, sep="\n")
    for fault in found.faults:
        print(f"labcode: {fault}", file=sys.stderr)
    print(f"{len(found.checks)} checks, {found.inline} inline values, {len(found.faults)} faults")
    if found.faults:
        raise typer.Exit(1)


@app.command()
def bench(
    names: Annotated[list[BenchName] | None, typer.Argument(help="Benchmarks; all by default.")] = None,
    as_json: Json = False,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds in which all contestants take turns.")] = 3,
) -> None:
    """Time this project beside its peers, and measure their errors, side by side in one run (minutes to an hour)."""
    from labcode.settings import project_root

    root = project_root()
    if not (root / "benchmarks").is_dir():
        raise LabcodeError(f"{root} has no folder `benchmarks`; run `labcode bench` in a whole clone of the project.")
    sys.path.insert(0, str(root))
    from benchmarks import run as run_benchmark

    measured = {name.value: run_benchmark(name.value, rounds) for name in names or list(BenchName)}
    if as_json:
        print(json.dumps(measured, indent=2))
    else:
        _print_scalars(measured)


@app.command()
def preview(
    chapter: Annotated[str | None, typer.Argument(help="Chapter to open first.")] = None,
    engine: Engine = "portable",
) -> None:
    """Show the report in the browser, rendered again at every edit of its text, code or data; portable is faster."""
    from labcode.book.preview import preview as preview_book

    raise typer.Exit(preview_book(chapter, engine=engine))


@app.command()
def submit(
    out: Annotated[Path | None, typer.Option(help="The zip to write; dist/<title>.zip by default.")] = None,
    engine: Engine = "auto",
) -> None:
    """Pack the hand-in: its PDF, the whole report as one page, scripts, numbers, where they come from, checksums."""
    from labcode.book.submit import submit as hand_in
    from labcode.lab.scripts import scripts

    made = hand_in(out, engine=engine, scripts=scripts())
    print(f"Written: {made.path} ({', '.join(made.files)})")
    for line in made.notes:
        print(f"labcode: {line}", file=sys.stderr)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Look at Python, Quarto, device, data and store: what is there, and how to mend it; exits with 1 if faulty."""
    from labcode.book.doctor import examine

    findings = examine()
    if as_json:
        print(json.dumps([asdict(each) for each in findings], indent=2))
    else:
        for each in findings:
            print(f"{each.state:8}{each.check}: {each.found}" + (f"\n{'':8}{each.mend}" if each.mend else ""))
    if any(each.state == "fault" for each in findings):
        raise typer.Exit(1)


@store_app.command()
def prune(dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False) -> None:
    """Remove results that no code, settings or libraries of today give any more; those on other rows stay."""
    from labcode.results import old as old_results

    found = old_results.stored()
    old = [result for result in found if result.old]
    size = sum(result.size for result in old) if dry_run else old_results.prune(found)
    print(f"{'Would remove' if dry_run else 'Removed'} {len(old)} of {len(found)} results, {size / 1e6:.1f} MB.")


@new_app.command()
def chapter(name: Annotated[str, typer.Argument(help="Its file name and label, such as `drift`.")]) -> None:
    """Write chapters/NAME.qmd from the template, and list it in _quarto.yml before the closing chapter."""
    from labcode.book.scaffold import new_chapter

    print(f"Written: {new_chapter(name)}; `labcode render {name} --to html` shows it.")


@app.command()
def notebook(
    chapter: Annotated[str, typer.Argument(help="The chapter, such as `eda`.")],
    back: Annotated[bool, typer.Option("--back", help="Write the chapter from its notebook.")] = False,
) -> None:
    """Write a chapter as a Jupyter notebook beside it, or take the edited notebook back into the chapter."""
    from labcode.book.notebooks import take_back, write_notebook

    print(f"Written: {take_back(chapter) if back else write_notebook(chapter)}")


def main() -> None:
    """Run the command line: a fault that the user can mend is one sentence on stderr and exit code 2."""
    try:
        app()
    except LabcodeError as error:
        print(f"labcode: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:  # a full disk, a folder that cannot be written: nothing half-written is left
        print(f"labcode: {error}; make room, make the folder writable, or name another.", file=sys.stderr)
        sys.exit(LabcodeError.exit_code)
    except KeyboardInterrupt:
        print("labcode: interrupted.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
