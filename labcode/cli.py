"""The command line: `labcode …`. It knows everything, and nothing knows it."""

from __future__ import annotations

import json
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text

from labcode.errors import DownloadError, LabcodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labcode.experiments.catalog import Experiment

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


class Remaining(ProgressColumn):
    """The time that remains until the moment that the task expects to end."""

    def render(self, task: Task) -> Text:
        """The time as text, such as ``about 40 s left``; it counts down between two reports."""
        left = task.fields["until"] - time.monotonic()
        return Text(f"{about(left)} left" if left > 0.5 else "")


class RunDisplay:
    """A line for each experiment and, in a terminal, a bar with the remaining time below them."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), Remaining())
        self.bar = Progress(*columns, console=Console(soft_wrap=True), disable=not sys.stdout.isatty(), transient=True)
        self.task = self.bar.add_task("looking", total=None, until=0.0)
        self.waiting: dict[str, float] = {}
        self.under_way: dict[str, float] = {}
        self.done = 0.0

    def plan(self, missing: Sequence[Experiment]) -> None:
        """Size the bar."""
        self.waiting = {experiment.name: experiment.seconds for experiment in missing}
        self.bar.reset(self.task, total=sum(self.waiting.values()))
        self._move()

    def stored(self, experiment: Experiment) -> None:
        """Say so."""
        self._finish(experiment, "stored")

    def started(self, experiment: Experiment) -> None:
        """Name it at the bar, or in a line of its own where there is none."""
        self.bar.update(self.task, description=experiment.name)
        if self.bar.disable:
            self._say(f"{experiment.name}: computing, {about(experiment.seconds)}")

    def progress(self, experiment: Experiment, share: float) -> None:
        """Move the bar."""
        self.under_way[experiment.name] = experiment.seconds * min(max(share, 0.0), 1.0)
        self._move()

    def computed(self, experiment: Experiment, seconds: float) -> None:
        """Say how long it took."""
        self._finish(experiment, f"computed in {seconds:.1f} s")

    def _finish(self, experiment: Experiment, how: str) -> None:
        self.done += self.waiting.pop(experiment.name, 0.0)
        self.under_way.pop(experiment.name, None)
        self._move()
        self._say(f"{experiment.name}: {how}")

    def _move(self) -> None:
        task = self.bar.tasks[0]
        done = self.done + sum(self.under_way.values())
        left = remaining_seconds(done, task.total or 0.0, task.elapsed or 0.0)
        self.bar.update(self.task, completed=done, until=time.monotonic() + left)

    def _say(self, line: str) -> None:
        self.bar.console.print(line, markup=False, highlight=False)


def remaining_seconds(done: float, total: float, elapsed: float) -> float:
    """Seconds still to go, at the pace so far; the first ones count as if they had gone as expected.

    >>> remaining_seconds(done=0, total=60, elapsed=0)
    60.0
    >>> remaining_seconds(done=30, total=60, elapsed=95)  # almost three times slower than expected
    85.7...
    """
    expected = 5.0
    return (total - done) * (elapsed + expected) / (done + expected)


def about(seconds: float) -> str:
    """A rough duration.

    >>> about(42.3), about(150)
    ('about 42 s', 'about 2 min 30 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"about {minutes} min {rest} s" if minutes else f"about {rest} s"


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
def run(
    names: Annotated[
        list[str] | None, typer.Argument(help="Experiments, or patterns such as 'regression/*'; all by default.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(help="Train on a dask cluster: its scheduler's address, or local:N for N processes here."),
    ] = None,
) -> None:
    """Compute the results that are not stored yet; what an interrupted run finished is kept."""
    from labcode.experiments import catalog

    display = RunDisplay()
    try:
        if cluster:
            from labcode.cluster import connect

            with connect(cluster) as workers, display.bar:
                print(f"{workers.count} workers at {cluster}")
                catalog.run(names or (), display, at_once=workers.count)
            return
        with display.bar:
            catalog.run(names or (), display)
    except KeyboardInterrupt:
        print("labcode: interrupted; what is finished is kept, and the same command resumes.", file=sys.stderr)
        raise typer.Exit(130) from None


@app.command()
def results(
    names: Annotated[
        list[str] | None, typer.Argument(help="Experiments, or patterns such as 'regression/*'; all by default.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable; NaN and infinity become null.")] = False,
) -> None:
    """Show the figures that are stored; computes nothing, and names what is missing."""
    from labcode.experiments.catalog import survey
    from labcode.report.downloads import finite

    found = survey(names or ())
    scalars = {name: result.scalars for name, result in found.items() if result is not None}
    if as_json:
        print(json.dumps({name: finite(values) for name, values in scalars.items()}, indent=2, allow_nan=False))
    else:
        _print_scalars(scalars)
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


class BenchName(StrEnum):
    """What can be timed."""

    training = "training"
    tuning = "tuning"


@app.command()
def bench(
    names: Annotated[list[BenchName] | None, typer.Argument(help="Benchmarks; all by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds in which all contestants take turns.")] = 3,
) -> None:
    """Time this project beside plain skorch and scikit-learn, side by side in one run (minutes to half an hour)."""
    from labcode.bench import bench_training  # loads PyTorch
    from labcode.bench_tuning import bench_tuning

    kinds = {BenchName.training: bench_training, BenchName.tuning: bench_tuning}
    measured = {name.value: kinds[name](repeats=rounds) for name in names or list(BenchName)}
    if as_json:
        print(json.dumps(measured, indent=2))
    else:
        _print_scalars(measured)


@app.command()
def preview(
    chapter: Annotated[str | None, typer.Argument(help="Chapter to open first.")] = None,
    engine: Annotated[
        EngineName, typer.Option(help="auto: Quarto where it is found, else portable.")
    ] = EngineName.auto,
) -> None:
    """Show the report in the browser, rendered again at every edit."""
    from labcode.report.render import preview as preview_book

    raise typer.Exit(preview_book(chapter, engine=engine.value))


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
