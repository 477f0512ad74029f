"""The command line: `labcode …`. It knows everything, and nothing knows it."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from labcode.errors import DownloadError, LabcodeError

app = typer.Typer(
    help="A deep-learning lab done twice: as submitted, and soundly. `labcode COMMAND --help` tells more.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="The rows: where they come from, and whether they can be used.", no_args_is_help=True)
app.add_typer(data_app, name="data")


class DataName(StrEnum):
    """The two data sets."""

    prices = "prices"
    maintenance = "maintenance"


class EngineName(StrEnum):
    """What renders."""

    auto = "auto"
    quarto = "quarto"
    portable = "portable"


class FormatName(StrEnum):
    """What is written."""

    html = "html"
    pdf = "pdf"
    all = "all"


@data_app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False) -> None:
    """Show which rows would be used, and what is odd about them; exits with 2 if a file must be refused."""
    from labcode.data.maintenance import load_maintenance
    from labcode.data.prices import load_prices

    facts, refused = {}, []
    for name, load in (("prices", load_prices), ("maintenance", load_maintenance)):
        try:
            facts[name] = load().provenance.as_dict()
        except LabcodeError as error:
            refused.append(str(error))
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        for name, fact in facts.items():
            print(f"{name}: {fact['status']}, {fact['rows']:,} rows" + (f", {fact['path']}" if fact["path"] else ""))
            print(f"  sha256 {fact['sha256']}")
            for oddity, rows in fact["oddities"].items():
                print(f"  {rows:>6,}  {oddity}")
            for note in fact["notes"]:
                print(f"  {note}")
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
    for spec in (PRICES, MAINTENANCE):
        if names and spec.name not in [name.value for name in names]:
            continue
        own = find_file(spec)
        if own:
            print(f"{spec.name}: {own} is there already and is used; nothing to download.")
            continue
        try:
            print(f"{spec.name}: {fetching.fetch(spec.name, progress=sys.stderr.isatty())}")
        except DownloadError as error:
            failures.append(f"{spec.name}: {error}")
    if failures:
        raise DownloadError("\n\n".join(failures))


@app.command()
def render(
    chapters: Annotated[list[str] | None, typer.Argument(help="Chapters, such as `eda`; all by default.")] = None,
    to: Annotated[FormatName, typer.Option(help="What to write.")] = FormatName.all,
    engine: Annotated[
        EngineName, typer.Option(help="auto: Quarto where it is found, else portable.")
    ] = EngineName.auto,
    out: Annotated[Path | None, typer.Option(help="Folder to write into; _book by default.")] = None,
) -> None:
    """Render the report into _book/."""
    from labcode.report.render import render as render_book

    formats = ("html", "pdf") if to is FormatName.all else (to.value,)
    for path in render_book(chapters or (), to=formats, engine=engine.value, out=out):
        print(f"Written: {path}")


@app.command()
def preview(chapter: Annotated[str | None, typer.Argument(help="Chapter to open first.")] = None) -> None:
    """Show the report in the browser, rendered again at every edit (needs Quarto)."""
    from labcode.report.render import preview as preview_book

    raise typer.Exit(preview_book(chapter))


def main() -> None:
    """Run the command line: a fault that the user can mend is one sentence on stderr and exit code 2."""
    try:
        app()
    except LabcodeError as error:
        print(f"labcode: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("labcode: interrupted.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
