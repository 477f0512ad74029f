"""How the command line shows that experiments run: a line for each, and a bar with the remaining time."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from labcode.results.experiments import Experiment
from labcode.results.run import Reporter


class Remaining(ProgressColumn):
    """The time that remains until the moment that the task expects to end."""

    def render(self, task: Task) -> Text:
        """The time as text, such as ``about 40 s left``; it counts down between two reports."""
        left = task.fields["until"] - time.monotonic()
        return Text(f"{about(left)} left" if left > 0.5 else "")


class RunDisplay(Reporter):
    """A line for each experiment and, in a terminal, a bar with the remaining time below them."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), Remaining())
        self.bar = Progress(*columns, console=Console(soft_wrap=True), disable=not sys.stdout.isatty(), transient=True)
        self.task = self.bar.add_task("looking", total=None, until=0.0)
        self.waiting: dict[str, float] = {}
        self.under_way: dict[str, float] = {}
        self.done = 0.0

    def plan(self, missing: Sequence[Experiment]) -> None:
        self.waiting = {experiment.name: experiment.seconds for experiment in missing}
        self.bar.reset(self.task, total=sum(self.waiting.values()))
        self._move()

    def stored(self, experiment: Experiment) -> None:
        self._finish(experiment, "stored")

    def started(self, experiment: Experiment) -> None:
        self.bar.update(self.task, description=experiment.name)
        if self.bar.disable:
            self._say(f"{experiment.name}: computing, {about(experiment.seconds)}")

    def progress(self, experiment: Experiment, share: float) -> None:
        self.under_way[experiment.name] = experiment.seconds * min(max(share, 0.0), 1.0)
        self._move()

    def computed(self, experiment: Experiment, seconds: float) -> None:
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
    """A rough duration, such as ``about 2 min 30 s``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"about {minutes} min {rest} s" if minutes else f"about {rest} s"
